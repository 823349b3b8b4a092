"""Accumulates the evidence of all windows of a version, in blocks of several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from core.accumulated import Accumulated, Scale
from core.champion import ChampionPackage
from core.clock import seconds_between
from core.config import DriftConfig
from core.features import Features
from core.home import Home
from core.records import StoredPrediction
from monitoring.budget import spent_s, strength
from monitoring.check import p_value_of
from monitoring.detector import MOST, further, threshold_s
from monitoring.window import window_of

FACTOR = 4
"""Ratio of the sizes of the blocks. Small blocks find a great change soon, large ones a small change at all."""

BLOCK_RESAMPLES = 300
"""Permutations for a block that is not the window itself."""


@dataclass(frozen=True)
class Block:
    """Different texts after a prediction."""

    champion: ChampionPackage
    features: Features

    @property
    def rows(self) -> int:
        return self.features.rows

    @cached_property
    def p_value(self) -> float:
        labels = self.champion.labels
        return p_value_of(self.champion.reference, self.features, labels=labels, resamples=BLOCK_RESAMPLES)


@dataclass
class Blocks:
    """The recorded rows of a version after a prediction and up to another, `window`, and those of longer blocks."""

    home: Home
    champion: ChampionPackage
    after: int
    until: int | None = None
    window: list[StoredPrediction] = field(init=False)
    _blocks: dict[int, Block] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.window = self.rows_after(self.after)

    @property
    def settings(self) -> DriftConfig:
        return self.home.config.drift

    def rows_after(self, number: int) -> list[StoredPrediction]:
        """The most recent different texts, oldest first."""
        champion, limit = self.champion, self.settings.window_rows
        return self.home.ledger.window(champion.model, champion.version, limit=limit, after=number, until=self.until)

    def block_after(self, number: int) -> Block:
        """Blocks of several sizes that begin with the same row are one."""
        if number not in self._blocks:
            self._blocks[number] = Block(self.champion, window_of(self.rows_after(number), self.champion).features)
        return self._blocks[number]


def block_sizes(settings: DriftConfig, reference_rows: int) -> list[int]:
    """From `drift.min_rows` on, up to the number of reference rows: beyond it a larger block tells little more.

    >>> block_sizes(DriftConfig(), 1500), block_sizes(DriftConfig(), 60)
    ([50, 200, 800], [50])
    """
    sizes = [settings.min_rows]
    while sizes[-1] * FACTOR <= min(reference_rows, settings.window_rows):
        sizes.append(sizes[-1] * FACTOR)
    return sizes


def accumulate(past: Accumulated | None, blocks: Blocks, *, p_value: float, rows: int) -> Accumulated:
    """The evidence after a window, with its p-value and its number of different texts.

    Each scale waits until its block has enough different texts, so thin traffic is judged later, not never. A scale
    that an earlier release or another config did not have begins with this window.
    """
    settings = blocks.settings
    known = {scale.rows: scale for scale in past.scales} if past else {}
    sizes = block_sizes(settings, blocks.champion.reference.rows)
    scales = [
        _next(known.get(size, Scale(size, after=blocks.after, start=blocks.after)), blocks, p_value, rows)
        for size in sizes
    ]
    statistics = [statistic for scale in scales for statistic in scale.evidence]
    # A scale without a block yet counts as no evidence.
    mean = sum(statistics) / (len(sizes) * max(len(scale.evidence) for scale in scales))
    return Accumulated(scales, share=mean / threshold_s(settings))


def _next(scale: Scale, blocks: Blocks, p_value: float, rows: int) -> Scale:
    reference, settings, last = blocks.champion.reference, blocks.settings, blocks.window[-1]
    if scale.after != blocks.after or rows < scale.rows:
        if last.number - scale.after < scale.rows:
            return replace(scale, z=None)
        block = blocks.block_after(scale.after)
        if block.rows < scale.rows:
            return replace(scale, z=None)
        rows, p_value = block.rows, block.p_value
    elapsed_s = seconds_between(scale.until, last.created_at) if scale.until else None
    z = strength(p_value, reference_rows=reference.rows, rows=rows)
    return Scale(
        scale.rows,
        after=last.number,
        until=max(scale.until, last.created_at),
        evidence=_evidence(scale.evidence, z, elapsed_s, settings),
        z=z,
        start=scale.start if scale.run > 0 else scale.after,
        run=max(scale.run, 0.0) + z - 0.5,
    )


def _evidence(before: Sequence[float], z: float, elapsed_s: float | None, settings: DriftConfig) -> list[float]:
    return further(before, z, spent_s=spent_s(settings, elapsed_s), most_s=MOST * threshold_s(settings))
