"""Checks of the fields of a JSON body. The first invalid field raises `InvalidBody`, which says how to correct it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from service.refusals import InvalidBody

MAX_NAME_CHARS = 64
MAX_COUNT = 2**31 - 1

Fields = Mapping[str, Any]
ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
SURROGATE = re.compile("[\ud800-\udfff]")


def fields_in(body: bytes, *, known: Sequence[str], allows_others: bool = False) -> Fields:
    """The JSON object in the body. Raises `InvalidBody` for other bodies, and for unknown fields unless allowed."""
    try:
        fields = _loaded(body)
    except orjson.JSONDecodeError as error:
        raise InvalidBody(f"The body is not JSON: {error}. Send an object with {listed(known)}.") from error
    if not isinstance(fields, dict):
        raise InvalidBody(f"The body is {kind_of(fields)}. Send an object with {listed(known)}.")
    if not allows_others:
        require_known(fields, known=known)
    return fields


def require_empty(body: bytes) -> None:
    """For routes without fields: the body is missing or an empty object."""
    if body:
        fields_in(body, known=())


class LoneSurrogate:
    """Replaces a string with half of a surrogate pair, which JSON allows and Unicode does not."""


def _loaded(body: bytes) -> Any:
    """The parsed body. orjson rejects a body with a lone surrogate; here `LoneSurrogate` replaces only that string."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        with suppress(ValueError, RecursionError):
            if ESCAPED_SURROGATE.search(body):
                return _mark_surrogates(json.loads(body, parse_constant=_refuse_constant))
        raise


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _mark_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return LoneSurrogate() if SURROGATE.search(value) else value
    if isinstance(value, list):
        return [_mark_surrogates(entry) for entry in value]
    if isinstance(value, dict):
        if any(map(SURROGATE.search, value)):
            raise ValueError("a name")
        return {name: _mark_surrogates(entry) for name, entry in value.items()}
    return value


def require_known(fields: Fields, *, known: Sequence[str]) -> None:
    if (unknown := next((name for name in fields if name not in known), None)) is not None:
        raise InvalidBody(f"Unknown field {unknown[:MAX_NAME_CHARS]!r}. Known: {listed(known)}.")


def items_in(fields: Fields, name: str, shape: str, max_items: int) -> list[Any]:
    """A list of 1 to `max_items` values of any type. `shape`: an example for the error message."""
    items = fields.get(name)
    if not isinstance(items, list):
        found = f"is {kind_of(items)}" if name in fields else "is missing"
        raise InvalidBody(f"Field {name!r} {found}. Send a list: {shape}.")
    if not items:
        raise InvalidBody(f"Field {name!r} is empty. Send at least one item: {shape}.")
    require_at_most(len(items), name, max_items)
    return items


def require_at_most(count: int, name: str, max_items: int) -> None:
    if count > max_items:
        raise InvalidBody(f"Field {name!r} has {count} items. Send at most {max_items} in one request.")


def name_in(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS:
        raise InvalidBody(f"Field {name!r} is not a name. Send a string of at most {MAX_NAME_CHARS} characters.")
    return value


def flag_in(fields: Fields, name: str) -> bool:
    """False if the field is missing or null."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidBody(f"Field {name!r} is {kind_of(value)}. Send true or false.")
    return bool(value)


def text_in(fields: Fields, name: str, *, max_chars: int) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > max_chars or "\0" in value:
        raise InvalidBody(f"Field {name!r} is not usable. Send a string of at most {max_chars} characters.")
    return value


def count_in(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    count = integer_in(value)
    if count is None or not 1 <= count <= MAX_COUNT:
        raise InvalidBody(f"Field {name!r} is not a count. Send an integer from 1 to {MAX_COUNT}.")
    return count


def object_in(fields: Fields, name: str, *, known: Sequence[str]) -> Fields:
    """A nested object; empty if the field is missing or null."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidBody(f"Field {name!r} is {kind_of(value)}. Send an object with {listed(known)}.")
    require_known(value, known=known)
    return value


def integer_in(value: object) -> int | None:
    """The value as an integer, else None. 2.0 is an integer: JSON does not distinguish it from 2.

    >>> integer_in(2.0), integer_in(2.5), integer_in(True)
    (2, None, None)
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no fields"


def kind_of(value: object) -> str:
    """
    >>> kind_of([]), kind_of(True), kind_of(None)
    ('a list', 'a boolean', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, LoneSurrogate):
        return "not Unicode (half of a surrogate pair is in it)"
    names = {bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
