"""The meaning of a cell of a data file: a text or names of labels. Other types are refused instead of converted."""

from __future__ import annotations

from typing import Any

from core.errors import SeveralLabels, UnusableCell
from core.labels import label_name

_TYPES = {
    bool: "true or false",
    float: "a number with a decimal point",
    list: "a list",
    dict: "an object",
    bytes: "bytes",
}


def text_in(value: Any) -> str:
    """The text of a cell, "" if it is empty; a whole number is its digits. Raises `UnusableCell`.

    >>> text_in("hello"), text_in(12), text_in(None), text_in(float("nan"))
    ('hello', '12', '', '')
    """
    if value is None or value != value:  # NaN is how pandas writes an empty cell
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnusableCell(_TYPES.get(type(value), f"a {type(value).__name__}"))


def label_in(value: Any) -> str | None:
    """The label of a single-label cell, None if it is empty; a list of one name is that name.

    Raises `UnusableCell`, or `SeveralLabels` for a list of several.

    >>> label_in(" billing "), label_in(["billing"]), label_in(0), label_in(""), label_in([])
    ('billing', 'billing', '0', None, None)
    """
    if isinstance(value, list):
        if len(value) > 1:
            raise SeveralLabels(value)
        value = value[0] if value else None
    return label_name(text_in(value)) or None


def labels_in(values: list[Any]) -> list[str]:
    """The names in a list; raises `UnusableCell`."""
    return [name for value in values if (name := label_name(text_in(value)))]
