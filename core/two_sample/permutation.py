"""P-values from one set of permutations of the pooled rows, at the actual sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.two_sample.statistics import Floats, Statistic, Values

CHUNK = 256
"""Splits evaluated at once: 4,000 rows then take 4 MB."""


def permuted_table(
    statistics: Sequence[Statistic], *, reference_rows: int, window_rows: int, resamples: int, seed: int
) -> Values:
    """(resamples + 1, k) values of k statistics: the first row as observed, the others permuted.

    The pool's first `reference_rows` rows are the reference. Every statistic sees the same splits,
    so a row of the table keeps the dependence between them.
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


def min_p_adjusted(table: Values) -> Values:
    """(k,) p-values of the first row, corrected for k tests (Westfall & Young 1993, step-down min-p).

    The smallest is the p-value of all tests together, exact whatever their dependence and sizes.
    The observed row counts among the permuted ones, so none is zero.

    >>> min_p_adjusted(np.array([[9.0, 1.0], [1.0, 2.0], [2.0, 1.0], [3.0, 0.0]])).tolist()
    [0.25, 0.75]
    """
    scores = _scores(table)
    order = np.argsort(scores[0], kind="stable")
    # Best score of each split among the tests that are not yet accounted for.
    best = np.minimum.accumulate(scores[:, order[::-1]], axis=1)[:, ::-1]
    shares = np.mean(best <= scores[0, order], axis=0)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(shares)
    return adjusted


def _scores(table: Values) -> Values:
    """(b, k) rank p-values of every value in its column, each a little smaller the farther it lies out.

    Plain ranks tie: the best of 1,000 splits is 1/1000 in each of k tests, so k splits share the
    smallest, and no p-value below k/1000 could be reached. The distance in standard deviations
    breaks such ties by the same rule for all splits, so the p-values stay exact.
    """
    deviations = table.std(axis=0)
    outlyingness = (table - table.mean(axis=0)) / np.where(deviations > 0, deviations, 1.0)
    at_least = np.column_stack([_count_at_least(column) for column in table.T])
    scores: Values = (at_least - 1 + 1 / (1 + np.maximum(outlyingness, 0))) / len(table)
    return scores


def _count_at_least(values: Values) -> Values:
    """How many values reach each value, itself included.

    >>> _count_at_least(np.array([3.0, 1.0, 3.0])).tolist()
    [2.0, 3.0, 2.0]
    """
    below = np.searchsorted(np.sort(values), values, side="left")
    return (len(values) - below).astype(np.float64)
