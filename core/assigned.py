"""Labels assigned to rows: one each, or, where a text may have several, a set each.

Throughout, `Assigned` is (n,) label indices, or (n, k) booleans that mark the members of each row's set.
A truth has the same shape with -1 where it is unknown: (n,) indices, or (n, k) of 1, 0 and whole rows of -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.labels import cell_of, names_in

Assigned = NDArray[np.int64] | NDArray[np.bool_]
Truth = NDArray[np.int64] | NDArray[np.int8]


def same(one: Assigned | Truth, other: Assigned | Truth) -> NDArray[np.bool_]:
    """(n,) which rows have the same label, or exactly the same set; an unknown truth is the same as nothing.

    >>> same(np.array([0, 1]), np.array([0, -1])).tolist()
    [True, False]
    >>> same(np.array([[True, False], [True, True]]), np.array([[1, 0], [1, 0]])).tolist()
    [True, False]
    """
    equal = np.asarray(one == other)
    return equal if equal.ndim == 1 else np.asarray(equal.all(axis=1))


def known(truth: Truth) -> NDArray[np.bool_]:
    """(n,) which rows have a truth.

    >>> known(np.array([2, -1])).tolist(), known(np.array([[1, 0], [-1, -1]])).tolist()
    ([True, False], [True, False])
    """
    return np.asarray(truth >= 0 if truth.ndim == 1 else (truth >= 0).all(axis=1))


def cells(assigned: Assigned, labels: Sequence[str]) -> list[str]:
    """How each row's label, or set of labels, is written in files and in the ledger.

    >>> cells(np.array([[True, True], [False, False]]), ["bug", "billing"])
    ['billing|bug', '']
    """
    if assigned.ndim == 1:
        return [labels[int(index)] for index in assigned]
    return [cell_of(labels[int(index)] for index in np.flatnonzero(row)) for row in assigned]


def assigned_by(given: Sequence[str], labels: Sequence[str], *, multi_label: bool) -> Assigned:
    """What `cells` wrote, read again; raises `KeyError` for a name that is not among `labels`."""
    index = {label: position for position, label in enumerate(labels)}
    if not multi_label:
        return np.array([index[cell] for cell in given], dtype=np.int64)
    marked = np.zeros((len(given), len(labels)), dtype=np.bool_)
    for row, cell in enumerate(given):
        marked[row, [index[name] for name in names_in(cell)]] = True
    return marked


def membership(assigned: Assigned | Truth, labels: int) -> NDArray[np.bool_]:
    """(n, k): which of k labels each row has.

    >>> membership(np.array([1]), 2).tolist()
    [[False, True]]
    """
    marked: NDArray[Any] = assigned if assigned.ndim == 2 else assigned[:, None] == np.arange(labels)
    return marked.astype(np.bool_)
