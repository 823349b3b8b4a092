"""What the script of the page for labels sends, and who sends it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request

from core.feedback import MAX_SOURCE_CHARS
from core.labelling.answers import Answer
from core.labelling.claims import Labeller
from core.labels import MAX_LABEL_CHARS, label_name
from service.access.actor import actor_of
from service.http.protocols.feedback import MAX_LABELS, MAX_TOGETHER
from service.pages.shell import Form
from service.refusals import InvalidBody, OtherPerson

UNDO = "undo"
PAGE = "page"
"""The source of labels of people who give no name."""
MAX_ANSWERS, MAX_IDS = 100, 500
_KEY = "key "
_ID = re.compile("[A-Za-z0-9-]{1,64}")
_TAB = re.compile("[A-Za-z0-9]{1,32}")
_PREDICTION = re.compile("[0-9A-Za-z_-]{1,32}")


def source_of(request: Request, form: Mapping[str, str]) -> str:
    """The name of the session's key, else the name that the person typed. Raises `InvalidBody`."""
    who = actor_of(request).who
    if who.startswith(_KEY):
        return who.removeprefix(_KEY)
    name = label_name(form.get("name", ""))
    if len(name) > MAX_SOURCE_CHARS or any(unicodedata.category(mark) in ("Cc", "Zl", "Zp") for mark in name):
        raise InvalidBody(f"The name is not usable. Type at most {MAX_SOURCE_CHARS} characters on one line.")
    return name or PAGE


def require_same_person(request: Request, form: Mapping[str, str]) -> None:
    """Raise `OtherPerson` if the answers were given in a session of somebody else than the one that sends them."""
    now, then = actor_of(request).who, form.get("who")
    if then is not None and then != now:
        raise OtherPerson(then, now)


def labeller_of(request: Request, form: Mapping[str, str]) -> Labeller:
    """Raises `InvalidBody`."""
    return Labeller(source_of(request, form), _tab(form))


def _tab(form: Mapping[str, str]) -> str:
    """Raises `InvalidBody`."""
    tab = form.get("tab", "")
    if not _TAB.fullmatch(tab):
        raise InvalidBody("Field 'tab' is missing or not usable. Load the page again.")
    return tab


def ids_in(form: Form, field: str) -> list[str]:
    """A list of predictions as JSON; empty without the field. Raises `InvalidBody`."""
    found = _list(form.get(field, "[]"), field)
    return [item for item in found if isinstance(item, str) and _PREDICTION.fullmatch(item)][:MAX_IDS]


@dataclass(frozen=True)
class TakenBack:
    """The answer with the id does not hold any more."""

    id: str


@dataclass(frozen=True)
class Refused:
    """An answer that cannot be taken, and why."""

    id: str
    told: str


Sent = Answer | TakenBack | Refused


def answers_in(form: Form) -> list[Sent]:
    """In the order in which the person gave them. Raises `InvalidBody`."""
    found = _list(form.get("answers", ""), "answers")
    if len(found) > MAX_ANSWERS:
        raise InvalidBody(f"Field 'answers' has {len(found)} items. Send at most {MAX_ANSWERS} in one request.")
    return [answer_of(item) for item in found]


def answer_of(item: object) -> Sent:
    fields: dict[str, Any] = item if isinstance(item, dict) else {}
    key, said, label, ids = (fields.get(name) for name in ("id", "said", "label", "predictions"))
    if not isinstance(key, str) or not _ID.fullmatch(key):
        return Refused("", "The answer has no usable id, so it was not stored.")
    if said == UNDO:
        return TakenBack(key)
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_TOGETHER or not all(_is(_PREDICTION, one) for one in ids):
        return Refused(key, "The answer names no texts, so it was not stored.")
    if said == "cannot_tell" or said == "left":
        return Answer(key, tuple(ids), said)
    if said != "label":
        return Refused(key, "The answer is of another release, so it was not stored. Load the page again.")
    if isinstance(label, str):
        label = label_name(label)
    if problem := _problem(label):
        return Refused(key, problem)
    return Answer(key, tuple(ids), said, label, fields.get("is_meant") is True, fields.get("is_second") is True)


def _problem(label: object) -> str:
    """Why it is no label, or labels."""
    names = label if isinstance(label, list) else [label]
    if len(names) > MAX_LABELS:
        return f"The answer has {len(names)} labels, so it was not stored. Give at most {MAX_LABELS}."
    usable = all(isinstance(name, str) and 0 < len(name) <= MAX_LABEL_CHARS and "\0" not in name for name in names)
    return "" if usable else f"The answer has no usable label, so it was not stored. Give 1 to {MAX_LABEL_CHARS} signs."


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _list(text: str, field: str) -> list[Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidBody(f"Field {field!r} is not JSON: {error}. Send a list.") from error
    if not isinstance(found, list):
        raise InvalidBody(f"Field {field!r} is no list. Send a list.")
    return found
