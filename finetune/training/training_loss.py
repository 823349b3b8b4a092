"""The training loss: its mean over an epoch, and detection of divergence."""

from __future__ import annotations

import math

import numpy as np

DIVERGENCE_RATIO = 3.0
"""A smoothed loss above this multiple of its lowest value counts as divergence: the learning rate is too high."""

_SMOOTHING = 0.95
_FLOOR = 0.3  # nats; without it, small changes of a loss near 0 would count as divergence


class TrainingLoss:
    """Batch losses in nats of the current epoch, and an exponential moving average of all batch losses."""

    def __init__(self) -> None:
        self.epoch_losses: list[float] = []
        self.smoothed, self.lowest, self.steps = 0.0, math.inf, 0

    def add(self, loss: float) -> None:
        self.epoch_losses.append(loss)
        self.steps += 1
        self.smoothed = _SMOOTHING * self.smoothed + (1 - _SMOOTHING) * loss

    def is_diverging(self) -> bool:
        """Whether the last loss is not finite, or the smoothed loss is far above its minimum; call once per step."""
        if not math.isfinite(self.epoch_losses[-1]):
            return True
        # Bias correction as in Adam: the average starts at zero.
        level = max(self.smoothed / (1 - _SMOOTHING**self.steps), _FLOOR)
        self.lowest = min(self.lowest, level)
        return level > DIVERGENCE_RATIO * self.lowest

    def end_epoch(self) -> float | None:
        """Start a new epoch; returns the mean loss of the previous epoch, None if it had no batch."""
        losses, self.epoch_losses = self.epoch_losses, []
        return round(float(np.mean(losses)), 5) if losses else None
