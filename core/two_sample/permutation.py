"""P-values of several statistics from the same permutations of the pooled rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.arrays import Doubles, Floats
from core.two_sample.statistics import Statistic

CHUNK = 256
"""Permutations per evaluation; their memberships take 4 MB for 4,000 rows."""


def permuted_table(
    statistics: Sequence[Statistic], *, reference_rows: int, window_rows: int, resamples: int, seed: int
) -> Doubles:
    """(resamples + 1, k) values of k statistics: row 0 is observed, the other rows are from permutations.

    The first `reference_rows` rows of the pool are the reference. All statistics of a row have the same permutation,
    so the table preserves the dependence between them.
    """
    chunks = _memberships(reference_rows, window_rows, resamples, np.random.default_rng(seed))
    return np.concatenate([np.column_stack([statistic(chunk) for statistic in statistics]) for chunk in chunks])


def _memberships(
    reference_rows: int, window_rows: int, resamples: int, random: np.random.Generator
) -> Iterator[Floats]:
    observed = np.repeat(np.array([0, 1], dtype=np.float32), [reference_rows, window_rows])
    for start in range(0, resamples + 1, CHUNK):
        columns = np.tile(observed[:, None], min(CHUNK, resamples + 1 - start))
        first = 1 if start == 0 else 0
        columns[:, first:] = random.permuted(columns[:, first:], axis=0)
        yield columns


def min_p_adjusted(table: Doubles) -> Doubles:
    """(k,) p-values of row 0, corrected for k tests by step-down min-p (Westfall & Young 1993).

    The smallest p-value is that of all tests together; it is exact for dependent tests and for small samples.
    The observed row is counted as a permutation, so no p-value is zero.

    >>> min_p_adjusted(np.array([[9.0, 1.0], [1.0, 2.0], [2.0, 1.0], [3.0, 0.0]])).tolist()
    [0.25, 0.75]
    """
    scores = _scores(table)
    order = np.argsort(scores[0], kind="stable")
    # Best score of each permutation among the tests that are not yet corrected.
    best = np.minimum.accumulate(scores[:, order[::-1]], axis=1)[:, ::-1]
    shares = np.mean(best <= scores[0, order], axis=0)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(shares)
    return adjusted


def _scores(table: Doubles) -> Doubles:
    """(b, k) rank p-values within each column, with ties between columns broken.

    The smallest rank p-value of 1,000 permutations is 1/1000 in each of the k columns, so k permutations would tie and
    no corrected p-value could be below k/1000. A value more standard deviations from the mean gets a slightly smaller
    score. This rule is the same for all permutations, so the p-values stay exact.
    """
    deviations = table.std(axis=0)
    outlyingness = (table - table.mean(axis=0)) / np.where(deviations > 0, deviations, 1.0)
    at_least = np.column_stack([_count_at_least(column) for column in table.T])
    scores: Doubles = (at_least - 1 + 1 / (1 + np.maximum(outlyingness, 0))) / len(table)
    return scores


def _count_at_least(values: Doubles) -> Doubles:
    """For each value, the number of values that are greater or equal.

    >>> _count_at_least(np.array([3.0, 1.0, 3.0])).tolist()
    [2.0, 3.0, 2.0]
    """
    below = np.searchsorted(np.sort(values), values, side="left")
    return (len(values) - below).astype(np.float64)
