"""Whether something happens more often than allowed: a test that is valid whenever it is looked at.

As in `lifecycle.loss`, of bets that all begin with the first row: then their order says nothing, and counts suffice.
"""

from __future__ import annotations

from math import exp, log

LEAST_ALLOWED = 0.001
"""With less, a single row would be sure evidence."""
EXCESSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Beyond what is allowed, each as a share of the rest."""


def excess_p_value(count: int, rows: int, *, allowed: float) -> float:
    """For the hypothesis that the chance is at most `allowed`, after `count` of `rows`: the mean of the likelihood
    ratios of greater chances, by Ville's inequality (Ramdas et al. 2023, arXiv 2210.01948).

    >>> excess_p_value(2, 100, allowed=0.02), round(excess_p_value(6, 6, allowed=0.1), 5)
    (1.0, 2e-05)
    >>> excess_p_value(0, 0, allowed=0.0)
    1.0
    """
    expected = max(allowed, LEAST_ALLOWED)
    if expected >= 1 or count <= expected * rows:
        return 1.0
    growths = [_growth(count, rows, expected, expected + share * (1 - expected)) for share in EXCESSES]
    most = max(growths)
    evidence = log(sum(exp(growth - most) for growth in growths) / len(growths)) + most
    return exp(-max(evidence, 0.0))


def _growth(count: int, rows: int, expected: float, chance: float) -> float:
    """Logarithm of the likelihood ratio of a chance."""
    return count * log(chance / expected) + (rows - count) * log((1 - chance) / (1 - expected))
