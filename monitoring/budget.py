"""How much evidence is an alarm: the stated rate of false alarms, shared out over time and over two tests."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from core.config import DriftConfig

DAY_S = 86_400.0
MONTH_S = 30 * DAY_S
TESTS = 2
"""The test of each window and the accumulated evidence have half of the rate each."""

ODDNESS = 3.5
"""Standard deviations by which the reference may be odd by chance; chosen in benchmarks/drift, docs/decisions/0019."""

SHARED_MOST, SHARED_POWER = 0.74, 0.8
"""See `shared_part`."""

NORMAL = NormalDist()


def level_of_a_day(settings: DriftConfig) -> float:
    """`drift.alpha`, else the level of one test a day."""
    return settings.alpha or min(settings.false_alarms_per_month / TESTS * DAY_S / MONTH_S, 0.49)


def level_of_window(settings: DriftConfig, *, elapsed_s: float | None, shared: float = 0.0) -> float:
    """Greatest p-value with which the test of one window alarms.

    `elapsed_s`: as in `spent_s`. `shared`: the `shared_part` of a window whose reference may be odd, since it has had
    an alarm already. `drift.alpha` is taken as it is, if set.
    """
    if settings.alpha:
        return settings.alpha
    level = level_of_a_day(settings) * spent_s(settings, elapsed_s) / DAY_S
    return NORMAL.cdf(-(shared * ODDNESS - sqrt(1 - shared**2) * NORMAL.inv_cdf(level)))


def spent_s(settings: DriftConfig, elapsed_s: float | None) -> float:
    """Seconds whose share of the rate of false alarms a test may spend.

    That is the time from the last row of the test before to its own last row, `elapsed_s`, but at least the time
    between two checks and at most a day; a day for the first test, of which `elapsed_s` is None.
    """
    shortest = min(settings.interval_s, DAY_S)
    return DAY_S if elapsed_s is None else min(max(elapsed_s, shortest), DAY_S)


def strength(p_value: float, *, reference_rows: int, rows: int) -> float:
    """Normal score of a p-value, less what a reference of this size explains: at most standard normal by chance.

    The p-values of windows of one reference have a part in common, `shared_part`. The score that is left if the
    reference is `ODDNESS` standard deviations odd in that direction is independent from window to window.

    >>> [round(strength(0.001, reference_rows=rows, rows=300), 2) for rows in (10**9, 300)]
    [3.09, 1.77]
    """
    shared = shared_part(reference_rows, rows)
    score = -NORMAL.inv_cdf(min(max(p_value, 1e-12), 1 - 1e-12))
    return (score - shared * ODDNESS) / sqrt(1 - shared**2)


def shared_part(reference_rows: int, rows: int) -> float:
    """Correlation of the normal scores of a window's p-value with the reference, if nothing changed.

    0.74 (m / (n + m)) ** 0.8 with n rows in the reference and m in the window, fitted to p-values of checks
    (docs/decisions/0019). Of a quadratic statistic alone it is m / (n + m), of a linear one the square root of that.

    >>> [round(shared_part(1500, rows), 2) for rows in (50, 300, 1000)]
    [0.05, 0.18, 0.36]
    """
    found: float = SHARED_MOST * (rows / (reference_rows + rows)) ** SHARED_POWER
    return found
