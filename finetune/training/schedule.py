"""How the rate rises and falls in the course of a training."""

from __future__ import annotations

from collections.abc import Callable

TOLERANCE = 0.05
"""Part of the time by which a training may be late before its rate follows the clock instead of the steps."""


def rate_factor(progress: float, *, warm_up: float) -> float:
    """Part of the full rate: up in a line until `warm_up`, then down in a line to 0 at the end.

    >>> [round(rate_factor(progress, warm_up=0.1), 3) for progress in (0.0, 0.05, 0.1, 0.55, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if progress < warm_up:
        return progress / warm_up
    return min(1.0, max(0.0, (1 - progress) / (1 - warm_up)))


def training_progress(step_share: float, time_share: float) -> float:
    """How far a training is, by its steps, or by its time where that runs out first.

    A training that is cut off at a high rate has wasted what it learned last. One that is on time follows its
    steps alone, so that it can be repeated.

    >>> training_progress(0.5, 0.45), training_progress(0.5, 0.54), round(training_progress(0.5, 0.8), 2)
    (0.5, 0.5, 0.75)
    """
    return min(1.0, max(step_share, time_share - TOLERANCE))


def schedule(steps: int, *, warm_up: float, time_share: Callable[[], float]) -> Callable[[int], float]:
    """For torch's `LambdaLR`; `time_share` gives the part of the time that is used."""
    return lambda step: rate_factor(training_progress((step + 1) / (steps + 1), time_share()), warm_up=warm_up)
