"""Labels assigned to rows: one label per row (single-label) or a set of labels per row (multi-label).

`Assigned` is (n,) label indices, or (n, k) booleans: whether row i has label j.
`Truth` has the same shape; an unknown truth is -1, for a multi-label row in all k columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.arrays import Booleans, Indices
from core.labels import cell_of, names_in

Assigned = Indices | Booleans
Truth = Indices | NDArray[np.int8]


def same(one: Assigned | Truth, other: Assigned | Truth) -> Booleans:
    """(n,) whether `one` and `other` have the same label, or exactly the same set; False where the truth is unknown.

    >>> same(np.array([0, 1]), np.array([0, -1])).tolist()
    [True, False]
    >>> same(np.array([[True, False], [True, True]]), np.array([[1, 0], [1, 0]])).tolist()
    [True, False]
    """
    equal = np.asarray(one == other)
    return equal if equal.ndim == 1 else np.asarray(equal.all(axis=1))


def known(truth: Truth) -> Booleans:
    """(n,) whether the truth of a row is known.

    >>> known(np.array([2, -1])).tolist(), known(np.array([[1, 0], [-1, -1]])).tolist()
    ([True, False], [True, False])
    """
    return np.asarray(truth >= 0 if truth.ndim == 1 else (truth >= 0).all(axis=1))


def cells(assigned: Assigned, labels: Sequence[str]) -> list[str]:
    """Each row's label, or set of labels joined by "|", as files and the ledger contain it.

    >>> cells(np.array([[True, True], [False, False]]), ["bug", "billing"])
    ['billing|bug', '']
    """
    if assigned.ndim == 1:
        return [labels[int(index)] for index in assigned]
    return [cell_of(labels[int(index)] for index in np.flatnonzero(row)) for row in assigned]


def assigned_by(given: Sequence[str], labels: Sequence[str], *, multi_label: bool) -> Assigned:
    """The inverse of `cells`; raises `KeyError` for a name that is not in `labels`."""
    index = {label: position for position, label in enumerate(labels)}
    if not multi_label:
        return np.array([index[cell] for cell in given], dtype=np.int64)
    marked = np.zeros((len(given), len(labels)), dtype=np.bool_)
    for row, cell in enumerate(given):
        marked[row, [index[name] for name in names_in(cell)]] = True
    return marked


def membership(assigned: Assigned | Truth, labels: int) -> Booleans:
    """(n, k) whether row i has label j, for `labels` = k labels.

    >>> membership(np.array([1]), 2).tolist()
    [[False, True]]
    """
    marked: NDArray[Any] = assigned if assigned.ndim == 2 else assigned[:, None] == np.arange(labels)
    return marked.astype(np.bool_)
