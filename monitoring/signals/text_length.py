"""Tests for shorter or longer texts: the distribution of the lengths in tokens."""

from __future__ import annotations

import numpy as np

from core.arrays import Indices
from core.two_sample.statistics import Statistic, kolmogorov_smirnov
from monitoring.signals.signal import Sides


class TextLength:
    feature = "text length"
    statistic = "Kolmogorov-Smirnov"
    column = "text length in tokens"
    is_categorical = False

    def prepare(self, sides: Sides) -> Statistic:
        return kolmogorov_smirnov(np.concatenate(self.values(sides)))

    def describe(self, sides: Sides) -> str:
        before, after = (np.quantile(lengths, [0.5, 0.9]) for lengths in self.values(sides))
        return (
            f"median length from {before[0]:.0f} to {after[0]:.0f} tokens, "
            f"ninth decile {after[1]:.0f} (before: {before[1]:.0f})"
        )

    def values(self, sides: Sides) -> tuple[Indices, Indices]:
        return sides.reference.length, sides.window.length
