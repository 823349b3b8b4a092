"""Learning rate schedule: linear warm-up, then linear decay."""

from __future__ import annotations

from collections.abc import Callable

TOLERANCE = 0.05
"""If a training is later than planned by more than this share of the time, the rate follows the time, not the steps."""


def rate_factor(progress: float, *, warm_up: float) -> float:
    """Share of the full rate: rises linearly until `warm_up`, then falls linearly to 0 at the end.

    >>> [round(rate_factor(progress, warm_up=0.1), 3) for progress in (0.0, 0.05, 0.1, 0.55, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if progress < warm_up:
        return progress / warm_up
    return min(1.0, max(0.0, (1 - progress) / (1 - warm_up)))


def training_progress(step_share: float, time_share: float) -> float:
    """Progress by steps, or by time if the time runs out first.

    A training stopped at a high rate loses what its last steps learned. A training that is on time follows its steps
    alone, so it is reproducible.

    >>> training_progress(0.5, 0.45), training_progress(0.5, 0.54), round(training_progress(0.5, 0.8), 2)
    (0.5, 0.5, 0.75)
    """
    return min(1.0, max(step_share, time_share - TOLERANCE))


def schedule(steps: int, *, warm_up: float, time_share: Callable[[], float]) -> Callable[[int], float]:
    """A function for torch's `LambdaLR`; `time_share` returns the share of the time used so far."""
    return lambda step: rate_factor(training_progress((step + 1) / (steps + 1), time_share()), warm_up=warm_up)
