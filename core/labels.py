"""Names of labels, and the cell that holds several of them where a text may have any number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from core.errors import UnusableLabelName

Kind = Literal["single-label", "multi-label"]

SEPARATOR = "|"
"""Between the names in a cell, in files, in the ledger and over HTTP."""


def names_in(cell: str, separator: str = SEPARATOR) -> tuple[str, ...]:
    """The names in a cell, sorted, each once; none for an empty cell.

    >>> names_in("bug| billing |bug"), names_in("")
    (('billing', 'bug'), ())
    """
    return tuple(sorted({name.strip() for name in cell.split(separator)} - {""}))


def cell_of(names: Iterable[str]) -> str:
    """The one way to write a set of names; raises `UnusableLabelName` for one that holds the separator.

    >>> cell_of(["bug", "billing"])
    'billing|bug'
    """
    chosen = sorted(set(names))
    for name in chosen:
        if SEPARATOR in name:
            raise UnusableLabelName(name, SEPARATOR)
    return SEPARATOR.join(chosen)
