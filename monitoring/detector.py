"""A sequential test over windows: an e-detector, valid whenever it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from core.config import DriftConfig
from monitoring.budget import MONTH_S, TESTS

SHIFTS = (0.5, 1.0, 2.0, 3.0)
"""Shifts of the normal score that the detectors bet on."""

OVERSHOOT = 2.1
"""Mean run length over the threshold without a change; simulated 2.27, 2.16, 2.10 at thresholds of 20, 100, 500."""

MOST = 10.0
"""Evidence is cut at this multiple of the threshold, so that an alarm ends when the drift does."""


def threshold_s(settings: DriftConfig) -> float:
    """The evidence that alarms, in seconds: mean time to a false alarm over `OVERSHOOT`."""
    return MONTH_S * TESTS / settings.false_alarms_per_month / OVERSHOOT


def further(evidence: Sequence[float], z: float, *, spent_s: float, most_s: float) -> list[float]:
    """The detectors' statistics after a further window: M ← (t + M) · exp(δ z − δ² / 2) for each δ of `SHIFTS`.

    Shiryaev's and Roberts' statistic as an e-detector (Shin, Ramdas & Rinaldo 2023, arXiv 2203.03532), in which a
    window counts with its time t: without a change, the mean of M is at most the time that has passed, so it takes at
    least a mean time of A until M reaches A, however often it is looked at. `most_s` limits M.

    >>> further([], 0.0, spent_s=100.0, most_s=1e9)
    [88.2..., 60.6..., 13.5..., 1.1...]
    """
    before = evidence or [0.0] * len(SHIFTS)
    return [
        min((spent_s + one) * exp(shift * z - shift**2 / 2), most_s) for shift, one in zip(SHIFTS, before, strict=True)
    ]
