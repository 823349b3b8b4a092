"""The loss on the training rows: its mean over an epoch, and whether it diverges."""

from __future__ import annotations

import math

import numpy as np

DIVERGENCE_RATIO = 3.0
"""A smoothed loss this many times its lowest is no noise: the rate is too high."""

_SMOOTHING = 0.95
_FLOOR = 0.3  # nats: below, a head that fits the training rows exactly would look as if it diverged


class TrainingLoss:
    """Losses of the batches in nats: those `epoch_losses`, and all of them `smoothed` exponentially."""

    def __init__(self) -> None:
        self.epoch_losses: list[float] = []
        self.smoothed, self.lowest, self.steps = 0.0, math.inf, 0

    def add(self, loss: float) -> None:
        self.epoch_losses.append(loss)
        self.steps += 1
        self.smoothed = _SMOOTHING * self.smoothed + (1 - _SMOOTHING) * loss

    def is_diverging(self) -> bool:
        """Whether the last loss is not finite, or the smoothed one far above its lowest; called once a step."""
        if not math.isfinite(self.epoch_losses[-1]):
            return True
        # Corrected for the start at zero, as Adam corrects its moments.
        level = max(self.smoothed / (1 - _SMOOTHING**self.steps), _FLOOR)
        self.lowest = min(self.lowest, level)
        return level > DIVERGENCE_RATIO * self.lowest

    def end_epoch(self) -> float | None:
        """The mean over the epoch that ends here; None without a batch."""
        losses, self.epoch_losses = self.epoch_losses, []
        return round(float(np.mean(losses)), 5) if losses else None
