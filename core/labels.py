"""Names of labels, and the cell that holds several of them where a text may have any number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from core.errors import NotOneLabel, UnusableLabelName

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


def names_of(label: str, kind: Kind) -> tuple[str, ...]:
    """The names in a row's label: those of the cell where a text may have several, else the one.

    >>> names_of("a|b", "multi-label"), names_of("a|b", "single-label")
    (('a', 'b'), ('a|b',))
    """
    return names_in(label) if kind == "multi-label" else (label,)


def canonical(given: str | Sequence[str], kind: Kind) -> str:
    """A label, or several, as a person gave them, in the way in which they are compared and kept.

    Where a text may have several labels, a string is a cell, and the separator alone means none of them.
    Raises `NotOneLabel` or `UnusableLabelName`.

    >>> canonical("bug | billing", "multi-label"), canonical("|", "multi-label"), canonical(["a|b"], "single-label")
    ('billing|bug', '', 'a|b')
    """
    if kind == "multi-label":
        return cell_of(names_in(given) if isinstance(given, str) else (name.strip() for name in given))
    names = [given] if isinstance(given, str) else given
    if len(names) != 1:
        raise NotOneLabel(len(names))
    return names[0].strip()
