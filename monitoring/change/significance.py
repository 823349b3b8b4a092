"""P-values of counts, without resampling."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, sqrt

import numpy as np

from core.arrays import Doubles, Indices

LEVEL = 0.01
"""A kind is named at this level; with five kinds at most 5 % of windows without a change name one."""


def grown(window: int, window_rows: int, reference: int, reference_rows: int) -> float:
    """One-sided p-value of Fisher's exact test that the window's share is greater (Fisher 1935).

    >>> round(grown(3, 4, 1, 4), 4)
    0.2429
    """
    marked, rows = window + reference, window_rows + reference_rows
    most = min(marked, window_rows)
    total = _log_choose(rows, marked)
    terms = (
        exp(_log_choose(window_rows, count) + _log_choose(reference_rows, marked - count) - total)
        for count in range(max(window, marked - reference_rows), most + 1)
    )
    return min(1.0, sum(terms))


def _log_choose(rows: int, count: int) -> float:
    return lgamma(rows + 1) - lgamma(count + 1) - lgamma(rows - count + 1)


def corrected(p_values: Sequence[float]) -> float:
    """The smallest p-value, corrected for their number (Bonferroni); 1 without any."""
    return min(1.0, min(p_values, default=1.0) * len(p_values))


def cumulative_gap(window: Indices, reference: Indices) -> tuple[float, float]:
    """Largest signed gap between the two cumulative shares of histograms (b,), and its two-sided p-value.

    The gap is negative where the window has the greater values; its size is a share of the rows that must have changed.
    The p-value is Kolmogorov's and Smirnov's asymptotic one, which is too large for values with ties.

    >>> cumulative_gap(np.array([0, 0, 50]), np.array([50, 0, 0]))[0]
    -1.0
    """
    bins = max(len(window), len(reference))
    below, before = (_cumulative(counts, bins) for counts in (window, reference))
    gaps = below - before
    gap = float(gaps[np.abs(gaps).argmax()])
    size = window.sum() * reference.sum() / (window.sum() + reference.sum())
    return gap, _kolmogorov_tail(abs(gap) * sqrt(size))


def _cumulative(counts: Indices, bins: int) -> Doubles:
    padded = np.pad(counts.astype(np.float64), (0, bins - len(counts)))
    result: Doubles = np.cumsum(padded) / max(padded.sum(), 1.0)
    return result


def _kolmogorov_tail(value: float) -> float:
    if value < 0.2:
        return 1.0
    terms = (2 * (-1) ** (k - 1) * exp(-2 * (k * value) ** 2) for k in range(1, 101))
    return float(min(1.0, max(0.0, sum(terms))))
