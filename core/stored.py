"""Records as JSON, readable by older and newer releases that share a home.

Reading ignores unknown keys, and a missing key leaves the field's default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def as_stored(record: Any) -> Any:
    """A dataclass as JSON values; the metadata "key" of a field is its key, by default the field's name."""
    if is_dataclass(record) and not isinstance(record, type):
        return {_key(field): as_stored(getattr(record, field.name)) for field in fields(record)}
    if isinstance(record, dict):
        return {key: as_stored(value) for key, value in record.items()}
    return [as_stored(value) for value in record] if isinstance(record, list | tuple) else record


def restored(kind: Callable[..., Record], values: Mapping[str, Any]) -> Record:
    """The inverse of `as_stored`; raises `TypeError` if a field without a default is missing."""
    return kind(**{name: _value(of, values[key]) for name, key, of in _fields(kind) if key in values})


def _key(field: Field[Any]) -> str:
    return str(field.metadata.get("key", field.name))


@cache
def _fields(kind: Any) -> list[tuple[str, str, Any]]:
    """Name, key and type of each field."""
    types = get_type_hints(kind)
    return [(field.name, _key(field), types[field.name]) for field in fields(kind)]


def _value(kind: Any, value: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return restored(kind, value) if isinstance(value, Mapping) else value
    inner, origin = get_args(kind), get_origin(kind)
    if origin in (Union, UnionType) and value is not None:
        return _value(next(part for part in inner if part is not type(None)), value)
    if origin in (list, tuple) and isinstance(value, Sequence):
        return origin(_value(inner[0], part) for part in value)
    if origin is dict and isinstance(value, Mapping):
        return {key: _value(inner[1], part) for key, part in value.items()}
    return value
