"""Two-sample statistics of pooled rows, for many splits into reference and window at once.

Each function here takes the pooled values and returns a `Statistic`: a function of memberships (n, b) float32, one
column per split, 1 for rows in the window, that returns (b,) float64. Larger values mean more different samples.
Kernel, order and label counts do not depend on the split and are computed once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.arrays import Doubles, Floats, Indices
from core.two_sample.distances import squared_distances
from core.two_sample.selection import at_ranks

Statistic = Callable[[Floats], Doubles]


def maximum_mean_discrepancy(embeddings: Floats) -> Statistic:
    """Squared maximum mean discrepancy with an RBF kernel and the median heuristic (Gretton et al. 2012).

    Its mean over all splits of the pool is zero.

    >>> points = np.array([[0.0], [0.1], [5.0], [5.1]], dtype=np.float32)
    >>> sides = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=np.float32)
    >>> apart, mixed = maximum_mean_discrepancy(points)(sides)
    >>> bool(apart > 0 > mixed)
    True
    """
    kernel = _centred(_rbf_kernel(squared_distances(embeddings)))

    def statistic(memberships: Floats) -> Doubles:
        sizes = memberships.sum(axis=0, dtype=np.float64)
        scale = 1 / sizes + 1 / (len(memberships) - sizes)
        sums: Doubles = np.einsum("nb,nb->b", memberships, kernel @ memberships, dtype=np.float64)
        distance: Doubles = scale**2 * sums
        return distance

    return statistic


def _rbf_kernel(distances: Floats) -> Floats:
    """The kernel, computed in place of the distances; its diagonal is the mean of the other values."""
    rows = len(distances)
    middle = float(at_ranks(distances, [distances.size // 2])[0])
    kernel = np.multiply(distances, -1 / (middle or 1.0), out=distances)
    np.exp(kernel, out=kernel)
    np.fill_diagonal(kernel, 0)
    # The diagonal adds the same constant to the statistic of every permutation. With this value their mean is zero.
    np.fill_diagonal(kernel, kernel.sum(dtype=np.float64) / (rows * (rows - 1)))
    return kernel


def _centred(kernel: Floats) -> Floats:
    # If the rows sum to zero, the statistic is one quadratic form, and float32 is precise enough.
    means = kernel.mean(axis=0, dtype=np.float64)
    kernel -= means[:, None].astype(np.float32)
    kernel -= (means - means.mean())[None, :].astype(np.float32)
    return kernel


def kolmogorov_smirnov(values: NDArray[np.generic]) -> Statistic:
    """Largest difference between the two cumulative distribution functions, 0..1.

    >>> kolmogorov_smirnov(np.array([1, 2, 3, 4]))(np.array([[1], [1], [0], [0]], dtype=np.float32))
    array([1.])
    """
    order = np.argsort(values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)

    def statistic(memberships: Floats) -> Doubles:
        sizes = memberships.sum(axis=0, dtype=np.float64)
        inside = np.cumsum(memberships[order], axis=0)[ends].astype(np.float64)
        outside = (ends + 1)[:, None] - inside
        gaps: Doubles = np.abs(inside / sizes - outside / (len(values) - sizes)).max(axis=0)
        return gaps

    return statistic


def chi_square(categories: Indices) -> Statistic:
    """Pearson's chi-square statistic of the two histograms over the occurring categories.

    >>> chi_square(np.array([0, 0, 1, 1]))(np.array([[1], [1], [0], [0]], dtype=np.float32))
    array([4.])
    """
    occurring, codes = np.unique(categories, return_inverse=True)
    one_hot = (codes == np.arange(len(occurring))[:, None]).astype(np.float32)
    totals = one_hot.sum(axis=1, dtype=np.float64)[:, None]

    def statistic(memberships: Floats) -> Doubles:
        rows = len(memberships)
        sizes = memberships.sum(axis=0, dtype=np.float64)
        surplus = one_hot @ memberships - totals * sizes / rows
        distance: Doubles = (surplus**2 / totals).sum(axis=0) * rows**2 / (sizes * (rows - sizes))
        return distance

    return statistic
