"""Names of labels, and the cell that contains the names of a multi-label row."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

from core.errors import NotOneLabel, UnusableLabelName

Kind = Literal["single-label", "multi-label"]

MAX_LABEL_CHARS = 256
"""Of a new label. What a model was trained with is a label however long it is."""

SEPARATOR = "|"
"""Separates the names of a cell, in files, in the ledger and over HTTP."""


INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Zs")
"""Unicode's categories of blanks, control and format characters."""

# Blanks that have the category of letters or symbols.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"


def label_name(given: str) -> str:
    """The identity of a label: Unicode's NFC without outer blanks. Labels are the same if and only if these are equal.

    >>> label_name(" re\u0301clamation\u00a0") == "r\u00e9clamation"
    True
    """
    return visible(unicodedata.normalize("NFC", given))


def visible(text: str) -> str:
    """The text without invisible characters at its ends: blanks, control and format characters.

    >>> visible("\u200f billing\u00a0\u2800"), visible("\u200b\x01")
    ('billing', '')
    """
    start, end = 0, len(text)
    while start < end and _is_invisible(text[start]):
        start += 1
    while start < end and _is_invisible(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_invisible(character: str) -> bool:
    return character in _BLANK or unicodedata.category(character) in INVISIBLE


def names_in(cell: str, separator: str = SEPARATOR) -> tuple[str, ...]:
    """The distinct names in a cell, sorted; none for an empty cell.

    >>> names_in("bug| billing |bug"), names_in("")
    (('billing', 'bug'), ())
    """
    return tuple(sorted({label_name(name) for name in cell.split(separator)} - {""}))


def cell_of(names: Iterable[str]) -> str:
    """The cell of a set of names; raises `UnusableLabelName` for a name that contains the separator.

    >>> cell_of(["bug", "billing"])
    'billing|bug'
    """
    chosen = sorted(set(names))
    for name in chosen:
        if SEPARATOR in name:
            raise UnusableLabelName(name, SEPARATOR)
    return SEPARATOR.join(chosen)


def names_of(label: str, kind: Kind) -> tuple[str, ...]:
    """The names in a row's label: several for a multi-label model, else the label itself.

    >>> names_of("a|b", "multi-label"), names_of("a|b", "single-label")
    (('a', 'b'), ('a|b',))
    """
    return names_in(label) if kind == "multi-label" else (label,)


def canonical(given: str | Sequence[str], kind: Kind) -> str:
    """The canonical spelling of a label, or of several, from a person.

    For a multi-label model a string is a cell, and the separator alone means no label.
    Raises `NotOneLabel` or `UnusableLabelName`.

    >>> canonical("bug | billing", "multi-label"), canonical("|", "multi-label"), canonical(["a|b"], "single-label")
    ('billing|bug', '', 'a|b')
    """
    if kind == "multi-label":
        return cell_of(names_in(given) if isinstance(given, str) else map(label_name, given))
    names = [given] if isinstance(given, str) else given
    if len(names) != 1:
        raise NotOneLabel(len(names))
    return label_name(names[0])
