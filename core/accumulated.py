"""The evidence for a drift over all windows of a version, as a check stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Pace = Literal["sudden", "gradual"]
Alarm = Literal["none", "lasts", "ended"]


@dataclass(frozen=True)
class Scale:
    """Evidence of consecutive blocks of at least `rows` different texts, each block tested once.

    `after`, `until`: number and time of the last prediction in a block; `evidence`: the statistic of each detector, in
    seconds; `z`: strength of the block that ended with this check, None if none did. `start`: number of the last
    prediction before the blocks that speak for a change, `run`: how much they do (Page's cumulative sum of z - 1/2).
    """

    rows: int
    after: int = 0
    until: str = ""
    evidence: list[float] = field(default_factory=list)
    z: float | None = None
    start: int = 0
    run: float = 0.0


@dataclass(frozen=True)
class Accumulated:
    """`share`: the evidence as a share of what alarms; 1 or more is an alarm. `alarm`: whether a window of the version
    has alarmed, alone or together with others, and whether that lasts.
    """

    scales: list[Scale] = field(default_factory=list)
    share: float = 0.0
    alarm: Alarm = "none"

    @property
    def alarms(self) -> bool:
        return self.share >= 1
