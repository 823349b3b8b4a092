"""Labels of predictions: `{"feedback": [{"prediction_id", "label" | "cannot_tell": true, "source"?}]}`.

Error messages never contain a user's input, except names of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.feedback import MAX_SOURCE_CHARS, Given, GivenLabel, StoredLabels
from core.labels import SEPARATOR
from core.records import CannotTell
from service.fields import MAX_NAME_CHARS, Fields, fields_in, items_in, kind_of, listed
from service.refusals import InvalidBody

# Longer than any label should be: a name that a model was trained with is valid however long it is.
MAX_LABEL_CHARS = 4096
MAX_LABELS = 200


def parse(body: bytes, *, max_items: int) -> list[Given]:
    return labels_given(fields_in(body, known=("feedback",)), max_items=max_items)


def rendered(stored: StoredLabels) -> dict[str, Any]:
    doubtful = [{"prediction_id": doubt.prediction_id, "resembles": doubt.resembles} for doubt in stored.doubtful]
    return {
        "accepted": stored.accepted,
        "cannot_tell": stored.cannot_tell,
        "unknown": stored.unknown,
        "doubtful": doubtful,
    }


def labels_given(fields: Fields, *, max_items: int) -> list[Given]:
    shape = '{"feedback": [{"prediction_id": "…", "label": "…"}]}'
    return [_feedback(item, number) for number, item in enumerate(items_in(fields, "feedback", shape, max_items), 1)]


def _feedback(item: object, number: int) -> Given:
    if not isinstance(item, dict):
        raise InvalidBody(
            f"Item {number} of 'feedback' is {kind_of(item)}. Send an object with prediction_id and label."
        )
    known = ("prediction_id", "label", "cannot_tell", "source")
    if (unknown := next((name for name in item if name not in known), None)) is not None:
        raise InvalidBody(
            f"Item {number} of 'feedback' has an unknown field {unknown[:MAX_NAME_CHARS]!r}. Known: {listed(known)}."
        )
    prediction_id = _string(item, number, "prediction_id", MAX_NAME_CHARS)
    source = _string(item, number, "source", MAX_SOURCE_CHARS) if "source" in item else "user"
    if _cannot_tell(item, number):
        return CannotTell(prediction_id, source)
    label = item.get("label")
    names = _names(label, number) if isinstance(label, list) else _string(item, number, "label", MAX_LABEL_CHARS)
    return GivenLabel(prediction_id, names, source)


def _cannot_tell(item: Mapping[str, Any], number: int) -> bool:
    value = item.get("cannot_tell", False)
    if not isinstance(value, bool):
        raise InvalidBody(f"'cannot_tell' of item {number} of 'feedback' is {kind_of(value)}. Send true or false.")
    if value and item.get("label") is not None:
        raise InvalidBody(f"Item {number} of 'feedback' has a label and cannot_tell. Send one of them.")
    return value


def _names(names: list[Any], number: int) -> tuple[str, ...]:
    if len(names) > MAX_LABELS:
        raise InvalidBody(f"'label' of item {number} of 'feedback' has {len(names)} names. Send at most {MAX_LABELS}.")
    found = tuple(_string({"label": name}, number, "label", MAX_LABEL_CHARS) for name in names)
    if any(SEPARATOR in name for name in found):
        raise InvalidBody(
            f"A name in 'label' of item {number} of 'feedback' contains {SEPARATOR!r}, which separates names. "
            "Send each name by itself."
        )
    return found


def _string(item: Mapping[str, Any], number: int, name: str, max_chars: int) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > max_chars or "\0" in value:
        found = f"is {kind_of(value)}" if name in item else "is missing"
        if isinstance(value, str):
            found = "is empty, too long or holds a NUL character"
        raise InvalidBody(f"{name!r} of item {number} of 'feedback' {found}. Send 1 to {max_chars} characters.")
    return value.strip()
