"""The texts whose labels are asked for, as people see them who give labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.feedback import given_names, registered_labels
from core.home import Home
from core.records import LabelRequest


@dataclass(frozen=True)
class LabelQueue:
    """`labels`: the names to choose from; `answers`: how many a person has to give for all open requests."""

    labels: list[str]
    answers: int
    requests: list[LabelRequest]


@dataclass(frozen=True)
class AskedText:
    """A text as a person sees it who labels it. `predicted`, `score`: of the version that answered it."""

    prediction_id: str
    text: str
    pair: str | None
    predicted: str
    score: float


def label_queue(home: Home, model: str) -> LabelQueue:
    requests = home.ledger.label_requests(model)
    return LabelQueue(labels_today(home, model), sum(not item.is_near for item in requests), requests)


def labels_today(home: Home, model: str, *, with_given: bool = False) -> list[str]:
    """The names of today of the labels that the model knows, and those that people added by a rule.

    `with_given`: also new ones that people gave.
    """
    labels = registered_labels(home.registry, model)
    taxonomy = home.ledger.rules.taxonomy(model, labels.kind)
    known = labels.names | taxonomy.accepted
    given = given_names(home.ledger, model, labels.kind, apart_from=known) if with_given else set()
    return sorted(taxonomy.names(known | given))


def first_answers(requests: Sequence[LabelRequest], count: int) -> list[LabelRequest]:
    """The requests for the first `count` answers, each text with the near ones of its group."""
    taken: list[LabelRequest] = []
    for item in requests:
        count -= not item.is_near
        if count < 0:
            break
        taken.append(item)
    return taken


def together(requests: Sequence[LabelRequest]) -> list[list[AskedText]]:
    """The texts that are answered together, the typical one first. Near texts whose typical one is answered without
    them come last, each by itself.
    """
    typical = {item.prediction_id for item in requests if not item.is_near}
    groups: dict[str, list[AskedText]] = {item.prediction_id: [] for item in requests if not item.is_near}
    for item in requests:
        group = item.group if item.is_near and item.group in typical else None
        groups.setdefault(group or item.prediction_id, []).append(_asked(item))
    return list(groups.values())


def _asked(item: LabelRequest) -> AskedText:
    return AskedText(item.prediction_id, item.text, item.pair, item.predicted, item.score)
