"""What the page for labels shows beside the texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.errors import Unavailable
from core.home import Home
from core.labelling.codes import codes_of
from core.labelling.queue import labels_today
from core.labelling.second_answers import agreement
from core.labels import MAX_LABEL_CHARS
from core.records import RequestedLabels
from core.resemblance import NameIndex, is_no_name
from service.pages.label_doubts import doubted
from service.worker import Worker


@dataclass(frozen=True)
class Choice:
    """A label to choose; `code`: "" if there are more labels than codes."""

    label: str
    code: str


def page_facts(worker: Worker, model: str, *, is_operator: bool) -> dict[str, Any]:
    """Raises `ModelNotFound`. Without the ledger there are the labels of the champion, and `problem` says why.

    Doubtful labels are for operators.
    """
    home = worker.home
    home.registry.require_model(model)
    labels = worker.labels_of(model)
    found: dict[str, Any] = {"problem": "", "agreement": None, "doubtful": []}
    try:
        names, asked = labels_today(home, model, with_given=True), progress_of(home, model)
        found["agreement"] = agreement(home.ledger.database, model, home.ledger.rules.taxonomy(model, labels.kind))
        if is_operator:
            found["doubtful"] = doubted(home, model)
    except Unavailable as error:
        names, asked = sorted(labels.names), progress(RequestedLabels(), 0)
        found["problem"] = str(error)
    codes = codes_of(names)
    choices = [Choice(name, codes.get(name, "")) for name in names]
    return {**found, "choices": choices, "kind": labels.kind, "progress": asked}


def progress_of(home: Home, model: str) -> dict[str, Any]:
    """Raises `Unavailable`."""
    asked, champion = home.ledger.asked_labels(model), home.registry.readable_pointer(model)
    if champion is None:
        return progress(asked, asked.still_open)
    return progress(asked, home.ledger.label_progress(model, champion.version).still_open)


def progress(asked: RequestedLabels, awaited: int) -> dict[str, Any]:
    """`awaited`: the open ones that the loop waits for: of the champion's answers, and not only to be checked again."""
    return {
        "asked": asked.requested - asked.expired,
        "given": asked.given + asked.cannot_tell,
        "open": asked.still_open,
        "words": progress_words(asked, awaited),
    }


def progress_words(asked: RequestedLabels, awaited: int) -> str:
    """
    >>> progress_words(RequestedLabels(40, 12, 3), 25)
    '15 of 40 answers are given; 25 are still needed.'
    >>> progress_words(RequestedLabels(40, 12, 3), 10)
    '15 of 40 answers are given; 10 are still needed, and 15 more are welcome.'
    >>> progress_words(RequestedLabels(40, 12, 3), 0)
    '15 of 40 answers are given. The other 25 are welcome, but none is needed.'
    >>> progress_words(RequestedLabels(), 0)
    'No labels are asked for.'
    """
    wanted, given = asked.requested - asked.expired, asked.given + asked.cannot_tell
    if not wanted:
        return "No labels are asked for."
    if not asked.still_open:
        return f"All {wanted} answers are given. What the monitor decides with them is on the page of the model."
    told, others = f"{given} of {wanted} answers are given", asked.still_open - awaited
    if not awaited:
        rest = "1 is welcome, but it is not needed" if others == 1 else f"{others} are welcome, but none is needed"
        return f"{told}. The other {rest}."
    needed = "1 is" if awaited == 1 else f"{awaited} are"
    more = f", and {others} more {'is' if others == 1 else 'are'} welcome" if others else ""
    return f"{told}; {needed} still needed{more}."


def asked_by_model(home: Home) -> list[tuple[str, RequestedLabels]]:
    """Raises `Unavailable`."""
    return [(model, home.ledger.asked_labels(model)) for model in home.registry.models()]


def judged(home: Home, model: str, name: str) -> dict[str, Any]:
    """Whether a name is a label already, or a new one, and the label that it resembles. Raises `ModelNotFound`."""
    home.registry.require_model(model)
    known = set(labels_today(home, model, with_given=True))
    if name in known:
        return {"label": name, "is_known": True, "doubt": ""}
    if not name or len(name) > MAX_LABEL_CHARS:
        problem = f"A label has 1 to {MAX_LABEL_CHARS} characters, and this one has {len(name)}. Type a shorter one."
        return {"label": name, "is_known": False, "doubt": "", "problem": problem}
    near = NameIndex(known).nearest(name)
    doubt = f"It resembles {near!r}." if near else ""
    if not near and is_no_name(name):
        doubt = "It looks like a score or an empty value."
    return {"label": name, "is_known": False, "doubt": doubt}
