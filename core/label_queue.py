"""The texts whose labels are asked for, as people see them who give labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.feedback import registered_labels
from core.home import Home
from core.records import LabelRequest


@dataclass(frozen=True)
class LabelQueue:
    """`labels`: the names to choose from; `answers`: how many a person has to give for all open requests."""

    labels: list[str]
    answers: int
    requests: list[LabelRequest]


def label_queue(home: Home, model: str) -> LabelQueue:
    requests = home.ledger.label_requests(model)
    return LabelQueue(labels_today(home, model), sum(not item.is_near for item in requests), requests)


def labels_today(home: Home, model: str) -> list[str]:
    """The names of today of the labels that the model knows, and those that people added by a rule."""
    labels = registered_labels(home.registry, model)
    taxonomy = home.ledger.rules.taxonomy(model, labels.kind)
    return sorted(taxonomy.names(labels.names | taxonomy.accepted))


def first_answers(requests: Sequence[LabelRequest], count: int) -> list[LabelRequest]:
    """The requests for the first `count` answers, each text with the near ones of its group."""
    taken: list[LabelRequest] = []
    for item in requests:
        count -= not item.is_near
        if count < 0:
            break
        taken.append(item)
    return taken
