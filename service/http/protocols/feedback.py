"""Labels of predictions: `{"feedback": [{"prediction_id", "label" | "cannot_tell": true, "source"?}]}`.

An item may have `"prediction_ids": [...]` instead, of texts that a person answered together.

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
MAX_TOGETHER = 16
"""Predictions of one item."""


def parse(body: bytes, *, max_items: int) -> list[list[Given]]:
    return labels_given(fields_in(body, known=("feedback",)), max_items=max_items)


def rendered(stored: StoredLabels) -> dict[str, Any]:
    doubtful = [{"prediction_id": doubt.prediction_id, "resembles": doubt.resembles} for doubt in stored.doubtful]
    return {
        "accepted": stored.accepted,
        "cannot_tell": stored.cannot_tell,
        "unknown": stored.unknown,
        "doubtful": doubtful,
    }


def labels_given(fields: Fields, *, max_items: int) -> list[list[Given]]:
    """What each item says, of each of its predictions; of at most `max_items` predictions in all."""
    shape = '{"feedback": [{"prediction_id": "…", "label": "…"}]}'
    given = [_feedback(item, number) for number, item in enumerate(items_in(fields, "feedback", shape, max_items), 1)]
    if (count := sum(map(len, given))) > max_items:
        raise InvalidBody(f"Field 'feedback' has {count} predictions. Send at most {max_items} in one request.")
    return given


def _feedback(item: object, number: int) -> list[Given]:
    if not isinstance(item, dict):
        raise InvalidBody(
            f"Item {number} of 'feedback' is {kind_of(item)}. Send an object with prediction_id and label."
        )
    known = ("prediction_id", "prediction_ids", "label", "cannot_tell", "source")
    if (unknown := next((name for name in item if name not in known), None)) is not None:
        raise InvalidBody(
            f"Item {number} of 'feedback' has an unknown field {unknown[:MAX_NAME_CHARS]!r}. Known: {listed(known)}."
        )
    ids = _ids(item, number)
    source = _string(item, number, "source", MAX_SOURCE_CHARS) if "source" in item else "user"
    if _cannot_tell(item, number):
        return [CannotTell(prediction_id, source) for prediction_id in ids]
    label = item.get("label")
    names = _names(label, number) if isinstance(label, list) else _string(item, number, "label", MAX_LABEL_CHARS)
    return [GivenLabel(prediction_id, names, source) for prediction_id in ids]


def _ids(item: Mapping[str, Any], number: int) -> list[str]:
    """The predictions of an item: one, or several that a person answered together."""
    if "prediction_ids" not in item:
        return [_string(item, number, "prediction_id", MAX_NAME_CHARS)]
    ids = item["prediction_ids"]
    if "prediction_id" in item:
        raise InvalidBody(f"Item {number} of 'feedback' has prediction_id and prediction_ids. Send one of them.")
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_TOGETHER:
        found = f"has {len(ids)} items" if isinstance(ids, list) else f"is {kind_of(ids)}"
        raise InvalidBody(
            f"'prediction_ids' of item {number} of 'feedback' {found}. Send a list of 1 to {MAX_TOGETHER} ids."
        )
    return [_string({"prediction_ids": key}, number, "prediction_ids", MAX_NAME_CHARS) for key in ids]


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
