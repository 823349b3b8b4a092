"""P-values that are smaller than the share of one permutation."""

from __future__ import annotations

import numpy as np

from core.arrays import Doubles
from core.two_sample.permutation import min_p_adjusted

BODY = 0.9
"""Quantile from which on the tail is taken for exponential."""

LEAST_P = 1e-9
"""No smaller p-value is stated: so far out the shape of the tail is unknown."""


def adjusted_p_values(table: Doubles) -> Doubles:
    """(k,) p-values of row 0 of `permuted_table`, corrected for k tests: exact, or from the tail if below 1 / (b + 1).

    Where no permutation is as extreme as the observed row, the exact p-value is the share of one permutation. It is
    then replaced by k times the p-value of an exponential tail beyond the 90 % quantile (peaks over threshold;
    Knijnenburg et al. 2009, who fit a shape, too). Quadratic statistics have about such a tail, distances a shorter
    one, for which this is cautious; measured in benchmarks/drift.

    >>> table = np.append(40.0, np.linspace(0, 10, 999) ** 0.5)[:, None]
    >>> bool(0 < adjusted_p_values(table)[0] < 0.001)
    True
    """
    exact = min_p_adjusted(table)
    resolution = 1 / len(table)
    tail = np.clip(table.shape[1] * _tail(table), LEAST_P, resolution)
    return np.where(exact <= resolution * 1.5, tail, exact)


def _tail(table: Doubles) -> Doubles:
    """(k,) p-value of row 0 in each column from the mean excess of the other rows over their `BODY` quantile."""
    observed, permuted = table[0], table[1:]
    thresholds = np.quantile(permuted, BODY, axis=0)
    over = permuted > thresholds
    excess = np.where(over, permuted - thresholds, 0).sum(axis=0) / np.maximum(over.sum(axis=0), 1)
    p_values: Doubles = (1 - BODY) * np.exp(
        -np.maximum(observed - thresholds, 0) / np.where(excess > 0, excess, np.inf)
    )
    return p_values
