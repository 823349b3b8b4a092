"""The labels given to rows, where a row may have several: how far their shares moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.assigned import Assigned
from core.two_sample.statistics import Floats, Statistic, Values, chi_square


def given_labels(assigned: Assigned) -> Statistic:
    """Chi-square over the labels, or over each label's presence where rows have sets of them."""
    return chi_square_of_sets(assigned.astype(np.bool_)) if assigned.ndim == 2 else chi_square(assigned.astype(int))


def chi_square_of_sets(sets: NDArray[np.bool_]) -> Statistic:
    """Pearson's chi-square statistics of presence and absence (n, k), summed over the labels.

    The labels of a row depend on each other, so the sum has no chi-square distribution; permutations
    of whole rows need none.

    >>> sets = np.array([[True], [True], [False], [False]])
    >>> chi_square_of_sets(sets)(np.array([[1], [1], [0], [0]], dtype=np.float32))
    array([4.])
    """
    varying = sets[:, sets.any(axis=0) & ~sets.all(axis=0)].astype(np.float32).T
    totals = varying.sum(axis=1, dtype=np.float64)[:, None]

    def statistic(memberships: Floats) -> Values:
        rows = len(memberships)
        sizes = memberships.sum(axis=0, dtype=np.float64)
        surplus = varying @ memberships - totals * sizes / rows
        weight = rows / totals + rows / (rows - totals)
        distance: Values = (surplus**2 * weight).sum(axis=0) * rows / (sizes * (rows - sizes))
        return distance

    return statistic
