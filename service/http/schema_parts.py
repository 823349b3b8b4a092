"""Parts of the JSON Schemas of bodies."""

from __future__ import annotations

from collections.abc import Sequence

from service.fields import MAX_COUNT, MAX_NAME_CHARS
from service.http.route import Schema

# No NUL, and at least one character that is not white space for Python.
NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085\ufeff][^\u0000]*$"
TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
COUNT: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_COUNT}
SCORE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
INTEGER_OR_NULL: Schema = {"type": ["integer", "null"]}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
OBJECT: Schema = {"type": "object"}
OBJECT_OR_NULL: Schema = {"type": ["object", "null"]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(*, optional: Sequence[str] = (), **properties: Schema) -> Schema:
    return {**open_of(optional=optional, **properties), "additionalProperties": False}


def open_of(*, optional: Sequence[str] = (), **properties: Schema) -> Schema:
    """An object that may have unknown properties."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def list_of(items: Schema, *, min_items: int = 0, max_items: int | None = None) -> Schema:
    bounds = {"minItems": min_items} if max_items is None else {"minItems": min_items, "maxItems": max_items}
    return {"type": "array", "items": items, **bounds}


def not_blank_of(max_chars: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": max_chars, "pattern": NOT_BLANK}
