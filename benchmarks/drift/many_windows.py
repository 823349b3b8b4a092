"""P-values of very many windows against one reference: the check's statistics and its rule, with shared permutations.

A check permutes its own pool; here the windows of one reference share the permutations of one of them, and the
statistics are computed from counts. So thousands of windows take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pools import Pool

from core.arrays import Doubles, Floats, Indices
from core.two_sample.distances import squared_distances
from core.two_sample.permutation import permuted_table
from core.two_sample.statistics import chi_square, kolmogorov_smirnov, maximum_mean_discrepancy
from core.two_sample.tail import BODY, LEAST_P, adjusted_p_values

LOT = 500


@dataclass
class Population:
    """A pool as the population: references and windows are drawn from it with replacement, so nothing changes."""

    pool: Pool

    def __post_init__(self) -> None:
        distances = squared_distances(self.pool.emb.astype(np.float32))
        self.kernel: Floats = np.exp(-distances / np.median(distances), dtype=np.float32)
        self.rows = rows = len(self.kernel)
        self.others = float((self.kernel.sum(dtype=np.float64) - rows) / (rows * (rows - 1)))
        self._tables: dict[tuple[int, int], Doubles] = {}
        self.labels = np.unique(self.pool.pred, return_inverse=True)[1]
        self.scores = np.unique(np.round(self.pool.conf.astype(np.float64), 4), return_inverse=True)[1]
        self.lengths = np.unique(self.pool.length, return_inverse=True)[1]

    def p_values(self, reference: Indices, windows: Indices, *, resamples: int) -> Doubles:
        """(b,) p-values of windows (b, m) against a reference (n,); all are indices of rows.

        The first window of a size, which nothing must have changed, gives the permutations of all of that size.
        """
        key = (hash(reference.tobytes()), windows.shape[1])
        if key not in self._tables:
            self._tables[key] = self._table(reference, windows[0], resamples)
        lots = [self._statistics(reference, windows[start : start + LOT]) for start in range(0, len(windows), LOT)]
        return _p_values(self._tables[key], np.concatenate(lots))

    def own_p_value(self, reference: Indices, window: Indices, *, resamples: int) -> float:
        """The p-value of a check of one window (m,) with the permutations of its own pool."""
        return float(adjusted_p_values(self._with_observed(reference, window, resamples)).min())

    def _table(self, reference: Indices, window: Indices, resamples: int) -> Doubles:
        return self._with_observed(reference, window, resamples)[1:]

    def _with_observed(self, reference: Indices, window: Indices, resamples: int) -> Doubles:
        rows = np.concatenate([reference, window])
        statistics = [
            maximum_mean_discrepancy(self.pool.emb[rows].astype(np.float32)),
            chi_square(self.labels[rows]),
            kolmogorov_smirnov(self.scores[rows]),
            kolmogorov_smirnov(self.lengths[rows]),
        ]
        return permuted_table(
            statistics, reference_rows=len(reference), window_rows=len(window), resamples=resamples, seed=0
        )

    def _statistics(self, reference: Indices, windows: Indices) -> Doubles:
        n, (many, m) = len(reference), windows.shape
        counts = np.zeros((self.rows, many), dtype=np.float32)
        np.add.at(counts, (windows.T, np.arange(many)[None, :]), 1)
        held = np.bincount(reference, minlength=self.rows).astype(np.float32)
        like = self.kernel @ held
        within = np.einsum("nb,nb->b", counts, self.kernel @ counts, dtype=np.float64) - m * (1 - self.others)
        of_reference = float(held @ like) - n * (1 - self.others)
        distance = within / m**2 + of_reference / n**2 - 2 * (like @ counts).astype(np.float64) / (n * m)
        before, after = _histograms(self.labels, reference, windows)
        total = before + after
        shares = np.where(total > 0, (after - total * m / (n + m)) ** 2 / np.maximum(total, 1), 0)
        columns = [distance, shares.sum(axis=1) * (n + m) ** 2 / (n * m)]
        for values in (self.scores, self.lengths):
            before, after = _histograms(values, reference, windows)
            columns.append(np.abs(after.cumsum(axis=1) / m - before.cumsum() / n).max(axis=1))
        return np.column_stack(columns)


def _histograms(values: Indices, reference: Indices, windows: Indices) -> tuple[Doubles, Doubles]:
    kinds = int(values.max()) + 1
    after = np.zeros((len(windows), kinds))
    np.add.at(after, (np.arange(len(windows))[:, None], values[windows]), 1)
    return np.bincount(values[reference], minlength=kinds).astype(np.float64), after


def _p_values(table: Doubles, observed: Doubles) -> Doubles:
    """Smallest p-value by min-p, and from the exponential tail where no permutation is as extreme."""

    def ranks(values: Doubles) -> Doubles:
        above = [
            len(table) - np.searchsorted(np.sort(table[:, j]), values[:, j] - 1e-12) for j in range(table.shape[1])
        ]
        return (1 + np.column_stack(above)) / (1 + len(table))

    least = np.sort(ranks(table).min(axis=1))
    exact = (1 + np.searchsorted(least, ranks(observed).min(axis=1), side="right")) / (1 + len(table))
    thresholds = np.quantile(table, BODY, axis=0)
    over = table > thresholds
    excess = np.where(over, table - thresholds, 0).sum(axis=0) / np.maximum(over.sum(axis=0), 1)
    tails = (1 - BODY) * np.exp(-np.maximum(observed - thresholds, 0) / np.where(excess > 0, excess, np.inf))
    tail = np.clip(table.shape[1] * tails.min(axis=1), LEAST_P, None)
    # A reference's own permutations overlap in their ranks, so the tail decides a little earlier than in a check.
    p_values: Doubles = np.where(exact <= 5 / (1 + len(table)), np.minimum(tail, exact), exact)
    return p_values
