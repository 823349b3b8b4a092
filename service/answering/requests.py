"""Bodies of requests, checked by hand: one sentence for the first thing that is wrong, with its cure.

No message repeats what a user wrote, except the names of fields and models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets import Text
from core.feedback import GivenLabel
from core.labels import SEPARATOR
from service.fields import MAX_NAME_CHARS, Fields, fields_in, items_in, kind_of, listed
from service.refusals import InvalidBody

MAX_LABEL_CHARS = 256
MAX_LABELS = 200
MAX_SOURCE_CHARS = 64


@dataclass(frozen=True)
class PredictRequest:
    """`texts` may hold anything: each item is judged alone, see `input_in`.

    `version` None: the champion. `top_k` None: the scores of all labels. `timeout_s` None: only the server's.
    `field`: what they stand in.
    """

    texts: Sequence[Any]
    model: str | None = None
    version: str | None = None
    top_k: int | None = None
    timeout_s: float | None = None
    field: str = "texts"


@dataclass(frozen=True)
class ItemError:
    """Why one item of a request has no answer; its neighbours are not touched."""

    code: str
    message: str


def parse_feedback(body: bytes, *, max_items: int) -> list[GivenLabel]:
    return labels_given(fields_in(body, known=("feedback",)), max_items=max_items)


def labels_given(fields: Fields, *, max_items: int) -> list[GivenLabel]:
    shape = '{"feedback": [{"prediction_id": "…", "label": "…"}]}'
    return [_feedback(item, number) for number, item in enumerate(items_in(fields, "feedback", shape, max_items), 1)]


def parse_empty(body: bytes) -> None:
    """For routes whose path says everything: no body, or an empty object."""
    if body:
        fields_in(body, known=())


def input_in(item: object, *, max_chars: int, is_paired: bool) -> Text | ItemError:
    """The text, or the pair, that an item is, or what keeps it from being answered."""
    if not is_paired:
        return _text_in(item, max_chars)
    if not isinstance(item, list) or len(item) != 2:
        found = f"{len(item)} entries" if isinstance(item, list) else kind_of(item)
        message = f'The model answers pairs and the item is {found}. Send a list of two strings: ["first", "second"].'
        return ItemError("invalid_text", message)
    first, second = (_text_in(part, max_chars) for part in item)
    if isinstance(first, ItemError):
        return first
    return second if isinstance(second, ItemError) else (first, second)


def _text_in(item: object, max_chars: int) -> str | ItemError:
    problem = _problem_of(item, max_chars)
    return problem or str(item)


def _problem_of(text: object, max_chars: int) -> ItemError | None:
    if isinstance(text, ItemError):  # its protocol could not read it
        return text
    if not isinstance(text, str):
        return ItemError("invalid_text", f"The item is {kind_of(text)}. Send a string.")
    if not text.strip():
        return ItemError("empty_text", "The text is empty. Send at least one word.")
    if len(text) > max_chars:
        return ItemError("text_too_long", f"The text has {len(text)} characters. Send at most {max_chars}.")
    if "\0" in text:
        return ItemError("invalid_text", "The text holds a NUL character. Remove it.")
    return None


def _feedback(item: object, number: int) -> GivenLabel:
    if not isinstance(item, dict):
        raise InvalidBody(
            f"Item {number} of 'feedback' is {kind_of(item)}. Send an object with prediction_id and label."
        )
    known = ("prediction_id", "label", "source")
    if (unknown := next((name for name in item if name not in known), None)) is not None:
        raise InvalidBody(
            f"Item {number} of 'feedback' has an unknown field {unknown[:MAX_NAME_CHARS]!r}. Known: {listed(known)}."
        )
    label = item.get("label")
    return GivenLabel(
        prediction_id=_string(item, number, "prediction_id", MAX_NAME_CHARS),
        label=_names(label, number) if isinstance(label, list) else _string(item, number, "label", MAX_LABEL_CHARS),
        source=_string(item, number, "source", MAX_SOURCE_CHARS) if "source" in item else "user",
    )


def _names(names: list[Any], number: int) -> tuple[str, ...]:
    if len(names) > MAX_LABELS:
        raise InvalidBody(f"'label' of item {number} of 'feedback' has {len(names)} names. Send at most {MAX_LABELS}.")
    found = tuple(_string({"label": name}, number, "label", MAX_LABEL_CHARS) for name in names)
    if any(SEPARATOR in name for name in found):
        raise InvalidBody(
            f"A name in 'label' of item {number} of 'feedback' holds {SEPARATOR!r}, which stands between names. "
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
