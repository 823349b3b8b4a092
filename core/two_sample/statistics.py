"""Two-sample statistics over one pool of rows, for many splits of it at once.

A statistic is prepared on the pooled values; called with memberships (n, b) float32, a column a
split, 1 where a row is on the window's side, it gives (b,) float64. Larger means further apart.
Everything that does not depend on the split (kernel, order, label counts) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.two_sample.distances import squared_distances

Floats = NDArray[np.float32]
Values = NDArray[np.float64]
Statistic = Callable[[Floats], Values]


def maximum_mean_discrepancy(embeddings: Floats) -> Statistic:
    """Squared maximum mean discrepancy, RBF kernel, median heuristic (Gretton et al. 2012).

    Its mean over all splits of the pool is zero: above zero is more than chance on average.

    >>> points = np.array([[0.0], [0.1], [5.0], [5.1]], dtype=np.float32)
    >>> sides = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=np.float32)
    >>> apart, mixed = maximum_mean_discrepancy(points)(sides)
    >>> bool(apart > 0 > mixed)
    True
    """
    kernel = _centred(_rbf_kernel(squared_distances(embeddings)))

    def statistic(memberships: Floats) -> Values:
        sizes = memberships.sum(axis=0, dtype=np.float64)
        scale = 1 / sizes + 1 / (len(memberships) - sizes)
        sums: Values = np.einsum("nb,nb->b", memberships, kernel @ memberships, dtype=np.float64)
        distance: Values = scale**2 * sums
        return distance

    return statistic


def _rbf_kernel(distances: Floats) -> Floats:
    """The kernel, written over the distances; its diagonal is the mean of the rest."""
    rows = len(distances)
    # A partition instead of a median: over 16 million values it takes half the time.
    median = float(np.partition(distances, distances.size // 2, axis=None)[distances.size // 2])
    kernel = np.multiply(distances, -1 / (median or 1.0), out=distances)
    np.exp(kernel, out=kernel)
    np.fill_diagonal(kernel, 0)
    # The diagonal shifts every split alike; with this value their mean is zero.
    np.fill_diagonal(kernel, kernel.sum(dtype=np.float64) / (rows * (rows - 1)))
    return kernel


def _centred(kernel: Floats) -> Floats:
    # With rows that sum to zero one quadratic form is the whole statistic, and float32 is enough.
    means = kernel.mean(axis=0, dtype=np.float64)
    kernel -= means[:, None].astype(np.float32)
    kernel -= (means - means.mean())[None, :].astype(np.float32)
    return kernel


def kolmogorov_smirnov(values: NDArray[np.generic]) -> Statistic:
    """Largest gap between the two cumulative distributions, 0..1.

    >>> kolmogorov_smirnov(np.array([1, 2, 3, 4]))(np.array([[1], [1], [0], [0]], dtype=np.float32))
    array([1.])
    """
    order = np.argsort(values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)

    def statistic(memberships: Floats) -> Values:
        sizes = memberships.sum(axis=0, dtype=np.float64)
        inside = np.cumsum(memberships[order], axis=0)[ends].astype(np.float64)
        outside = (ends + 1)[:, None] - inside
        gaps: Values = np.abs(inside / sizes - outside / (len(values) - sizes)).max(axis=0)
        return gaps

    return statistic


def chi_square(categories: NDArray[np.int64]) -> Statistic:
    """Pearson's chi-square statistic of the two histograms over the categories that occur.

    >>> chi_square(np.array([0, 0, 1, 1]))(np.array([[1], [1], [0], [0]], dtype=np.float32))
    array([4.])
    """
    occurring, codes = np.unique(categories, return_inverse=True)
    one_hot = (codes == np.arange(len(occurring))[:, None]).astype(np.float32)
    totals = one_hot.sum(axis=1, dtype=np.float64)[:, None]

    def statistic(memberships: Floats) -> Values:
        rows = len(memberships)
        sizes = memberships.sum(axis=0, dtype=np.float64)
        surplus = one_hot @ memberships - totals * sizes / rows
        distance: Values = (surplus**2 / totals).sum(axis=0) * rows**2 / (sizes * (rows - sizes))
        return distance

    return statistic
