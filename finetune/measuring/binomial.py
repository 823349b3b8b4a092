"""Binomial probabilities by numpy alone: a worker that fits heads needs no scipy (docs/decisions/0012)."""

from __future__ import annotations

from math import lgamma

import numpy as np

from core.arrays import Indices, Numbers

_LOG_GAMMA = np.frompyfunc(lgamma, 1, 1)
_SMALLEST = 1e-300
_TERMS = 10_000
"""More than enough: the fraction needs about as many terms as the square root of the number of trials."""
_HALVINGS = 60


def binomial_cdf(successes: Indices, trials: Indices, chance: float) -> Numbers:
    """(n,) probability of at most so many successes; 0 <= successes <= trials, 0 < chance < 1.

    >>> binomial_cdf(np.array([1, 2]), np.array([2, 2]), 0.5).round(6).tolist()
    [0.75, 1.0]
    """
    some = successes < trials
    found = np.ones(len(trials))
    found[some] = _incomplete_beta((trials - successes)[some] + 0.0, successes[some] + 1.0, 1 - chance)
    return found


def largest_chance(successes: int, trials: int, *, level: float) -> float:
    """The chance with which at most so many successes have the probability `level` (Clopper & Pearson 1934).

    >>> round(largest_chance(0, 59, level=0.05), 3), largest_chance(3, 3, level=0.05)
    (0.05, 1.0)
    """
    if successes == trials:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if binomial_cdf(np.array([successes]), np.array([trials]), middle)[0] > level:
            low = middle
        else:
            high = middle
    return high


def _incomplete_beta(a: Numbers, b: Numbers, x: float) -> Numbers:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    is_swapped = x > (a + 1) / (a + b + 2)  # the fraction converges fast below that
    first, second, at = np.where(is_swapped, b, a), np.where(is_swapped, a, b), np.where(is_swapped, 1 - x, x)
    log_beta = (_LOG_GAMMA(first) + _LOG_GAMMA(second) - _LOG_GAMMA(first + second)).astype(np.float64)
    front = np.exp(first * np.log(at) + second * np.log1p(-at) - log_beta) / first
    found = front * _fraction(first, second, at)
    result: Numbers = np.where(is_swapped, 1 - found, found)
    return result


def _fraction(a: Numbers, b: Numbers, x: Numbers) -> Numbers:
    """By the method of Lentz, modified by Thompson & Barnett 1986."""
    upper, lower = np.ones_like(a), _away_from_zero(1 - (a + b) * x / (a + 1))
    lower = 1 / lower
    value = lower
    for m in range(1, _TERMS):
        before = value
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            lower = 1 / _away_from_zero(1 + term * lower)
            upper = _away_from_zero(1 + term / upper)
            value = value * upper * lower
        if np.all(np.abs(value - before) <= 1e-15 * np.abs(value)):
            break
    return value


def _away_from_zero(values: Numbers) -> Numbers:
    return np.where(np.abs(values) < _SMALLEST, _SMALLEST, values)
