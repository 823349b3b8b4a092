"""Tests for a change of confidence: the distribution of the scores of the predictions."""

from __future__ import annotations

import numpy as np

from core.arrays import Floats
from core.two_sample.statistics import Statistic, kolmogorov_smirnov
from monitoring.signals.signal import Sides


class Confidence:
    feature = "confidence"
    statistic = "Kolmogorov-Smirnov"
    column = "confidence"
    is_categorical = False

    def prepare(self, sides: Sides) -> Statistic:
        pooled = np.concatenate(self.values(sides))
        # Rounded, because a score may change a little when it is stored and read.
        return kolmogorov_smirnov(np.round(pooled.astype(np.float64), 4))

    def describe(self, sides: Sides) -> str:
        before, after = (np.quantile(scores, [0.1, 0.5]) for scores in self.values(sides))
        return (
            f"median confidence from {before[1]:.2f} to {after[1]:.2f}, "
            f"first decile {after[0]:.2f} (before: {before[0]:.2f})"
        )

    def values(self, sides: Sides) -> tuple[Floats, Floats]:
        return sides.reference.confidence, sides.window.confidence
