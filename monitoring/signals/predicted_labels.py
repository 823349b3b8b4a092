"""Tests for a change of the predictions: the shares of the predicted labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.arrays import Booleans, Doubles, Floats
from core.assigned import Assigned, cells, membership
from core.two_sample.statistics import Statistic, chi_square
from monitoring.signals.signal import Sides
from monitoring.wording import share

NO_LABEL = "no label"


class PredictedLabels:
    feature = "predicted labels"
    statistic = "chi-square"
    column = "predicted label"
    is_categorical = True

    def prepare(self, sides: Sides) -> Statistic:
        """Chi-square over the labels; for sets of labels, over the presence of each label."""
        assigned = np.concatenate([sides.reference.predicted, sides.window.predicted])
        return chi_square_of_sets(assigned.astype(np.bool_)) if assigned.ndim == 2 else chi_square(assigned.astype(int))

    def describe(self, sides: Sides) -> str:
        return describe_shift(sides.reference.predicted, sides.window.predicted, sides.labels)

    def values(self, sides: Sides) -> tuple[list[str], list[str]]:
        before, after = (cells(side.predicted, sides.labels) for side in (sides.reference, sides.window))
        return [cell or NO_LABEL for cell in before], [cell or NO_LABEL for cell in after]


def chi_square_of_sets(sets: Booleans) -> Statistic:
    """Pearson's chi-square statistics of each label's presence (n, k), summed over the labels.

    The labels of a row are dependent, so the sum has no chi-square distribution. A permutation test of whole rows does
    not need this distribution.

    >>> sets = np.array([[True], [True], [False], [False]])
    >>> chi_square_of_sets(sets)(np.array([[1], [1], [0], [0]], dtype=np.float32))
    array([4.])
    """
    varying = sets[:, sets.any(axis=0) & ~sets.all(axis=0)].astype(np.float32).T
    totals = varying.sum(axis=1, dtype=np.float64)[:, None]

    def statistic(memberships: Floats) -> Doubles:
        rows = len(memberships)
        sizes = memberships.sum(axis=0, dtype=np.float64)
        surplus = varying @ memberships - totals * sizes / rows
        weight = rows / totals + rows / (rows - totals)
        distance: Doubles = (surplus**2 * weight).sum(axis=0) * rows / (sizes * (rows - sizes))
        return distance

    return statistic


def describe_shift(reference: Assigned, window: Assigned, labels: Sequence[str]) -> str:
    """The labels whose predicted share grew and shrank most; for sets of labels also "no label".

    >>> describe_shift(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), ["billing", "bug"])
    "'bug' grew from 25 % to 75 %; 'billing' shrank from 75 % to 25 %"
    """
    return listed_shift(label_shares(reference, len(labels)), label_shares(window, len(labels)), labels)


def listed_shift(before: Doubles, after: Doubles, labels: Sequence[str]) -> str:
    """As `describe_shift`, of the shares (k + 1,) of the labels and of no label."""
    names = [*labels, NO_LABEL]
    order = np.argsort(before - after, kind="stable")
    grown = [index for index in order[:2] if after[index] > before[index]]
    shrunk = [index for index in order[::-1][:2] if after[index] < before[index]]
    parts = [_moved(names, grown, before, after, "grew"), _moved(names, shrunk, before, after, "shrank")]
    return "; ".join(part for part in parts if part) or "no share of a label changed"


def label_shares(assigned: Assigned, labels: int) -> Doubles:
    """(k + 1,) share of rows with each of k labels, and share of rows without a label.

    >>> label_shares(np.array([0, 1, 1, 1]), 2).tolist()
    [0.25, 0.75, 0.0]
    """
    marked = membership(assigned, labels)
    return np.append(marked.mean(axis=0), np.mean(~marked.any(axis=1)))


def _moved(names: Sequence[str], indices: Sequence[int], before: Doubles, after: Doubles, verb: str) -> str:
    shifts = [f"{names[index]!r} {verb} from {share(before[index])} to {share(after[index])}" for index in indices]
    return ", ".join(shifts)
