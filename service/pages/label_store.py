"""Stores what people answered on the page for labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.audit.entries import Actor
from core.labelling.answers import LabelAnswers, Outcome, give
from service.pages.label_forms import Refused, Sent, TakenBack
from service.recording.audit import audited
from service.worker import Worker


@dataclass
class _Counts:
    """Of what one request brought, for the audit."""

    given: dict[str, int] = field(default_factory=lambda: {"accepted": 0, "cannot_tell": 0, "doubtful": 0})
    taken_back: int = 0

    def count(self, outcome: Outcome) -> None:
        if outcome.stored:
            self.given["accepted"] += outcome.stored.accepted
            self.given["cannot_tell"] += outcome.stored.cannot_tell
            self.given["doubtful"] += len(outcome.stored.doubtful)


def store_answers(worker: Worker, actor: Actor, model: str, source: str, sent: Sequence[Sent]) -> list[dict[str, str]]:
    """Store each in turn; return what became of it. Raises `ModelNotFound`, or `Unavailable`: what was stored until
    then is known when it is sent again.
    """
    worker.home.registry.require_model(model)
    counts, told = _Counts(), []
    try:
        for item in sent:
            outcome = _stored(worker, model, source, item, counts)
            told.append({"id": item.id, "status": outcome.status, "told": outcome.told})
    finally:
        if any(counts.given.values()):
            audited(worker.home, actor, "give_labels", model, {"source": source, **counts.given})
        if counts.taken_back:
            audited(worker.home, actor, "retract_labels", model, {"source": source, "labels": counts.taken_back})
    return told


def _stored(worker: Worker, model: str, source: str, item: Sent, counts: _Counts) -> Outcome:
    ledger = worker.home.ledger
    if isinstance(item, Refused):
        return Outcome("refused", item.told)
    if isinstance(item, TakenBack):
        counts.taken_back += LabelAnswers(ledger.database).take_back(model, source, item.id)
        return Outcome("undone")
    outcome = give(ledger, model, source, item, labels_of=worker.labels_of)
    counts.count(outcome)
    return outcome
