"""Cells that a spreadsheet shows as text, although they begin as a formula does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# An apostrophe makes a cell text. One more is added to texts that begin with apostrophes and a sign, to read all back.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def escaped(cell: str) -> str:
    """
    >>> escaped("=HYPERLINK(1)"), escaped("plain"), escaped("'=1")
    ("'=HYPERLINK(1)", 'plain', "''=1")
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def escaped_row(cells: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its texts `escaped`."""
    return {name: escaped(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}


def unescaped_row(cells: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `escaped_row`."""
    return {name: unescaped(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}


def unescaped(cell: str) -> str:
    """The inverse of `escaped`; a sign without apostrophe is what a person typed.

    >>> unescaped("'=HYPERLINK(1)"), unescaped("plain"), unescaped("''=1"), unescaped("-")
    ('=HYPERLINK(1)', 'plain', "'=1", '-')
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
