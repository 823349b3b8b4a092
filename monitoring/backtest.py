"""Replays recorded traffic through the checks of today's settings, to see the alarms that they would have raised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accumulated import Accumulated
from core.champion import ChampionPackage
from core.home import Home
from core.records import Verdict
from monitoring.judge import judge


@dataclass(frozen=True)
class Replayed:
    """A check that would have been made at the time `at`; `alarms`: it says drift, and the one before it did not."""

    at: str
    verdict: Verdict
    alarms: bool


def backtest(home: Home, champion: ChampionPackage, *, since: datetime) -> Iterator[Replayed]:
    """The conclusive checks of the champion's recorded traffic since a time, every `drift.interval_s`; oldest first.

    Nothing is recorded. Each check sees what had arrived by then, and begins without the evidence of recorded checks.
    """
    recorded = home.ledger.arrivals.times(champion.model, champion.version)
    start = since.isoformat(timespec="microseconds")
    arrivals = [(number, time) for number, time in recorded if time >= start]
    after = max((number for number, time in recorded if time < start), default=0)
    past: Accumulated | None = None
    was_drift = False
    waiting = 0
    for at, until, arrived in _ticks(arrivals, home.config.drift.interval_s):
        waiting += arrived
        if waiting < home.config.drift.min_rows:
            continue
        judged = judge(home, champion, past=past, after=after, until=until)
        if judged.last is None or not judged.verdict.is_conclusive:
            continue
        after, past, waiting = judged.last.number, judged.verdict.accumulated, 0
        is_drift = judged.verdict.outcome == "drift"
        yield Replayed(at, judged.verdict, alarms=is_drift and not was_drift)
        was_drift = is_drift


def _ticks(arrivals: Sequence[tuple[int, str]], interval_s: float) -> Iterator[tuple[str, int, int]]:
    """Time of each check that something arrived before, the number of the last prediction then, and how many are new.

    >>> list(_ticks([(4, "2026-01-01T00:00:00+00:00"), (5, "2026-01-01T00:00:09+00:00")], 5.0))
    [('2026-01-01T00:00:05+00:00', 4, 1), ('2026-01-01T00:00:10+00:00', 5, 1)]
    """
    if not arrivals:
        return
    first = datetime.fromisoformat(arrivals[0][1])
    places = [int((datetime.fromisoformat(time) - first).total_seconds() / interval_s) for _, time in arrivals]
    start = 0
    for end in range(1, len(arrivals) + 1):
        if end == len(arrivals) or places[end] > places[start]:
            at = first + timedelta(seconds=(places[start] + 1) * interval_s)
            yield at.isoformat(), arrivals[end - 1][0], end - start
            start = end
