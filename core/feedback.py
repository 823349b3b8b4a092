"""Stores labels from people, in their canonical spelling, for `POST /feedback` and `retune labels import`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import LabelRefused, LabelsOfAnotherModel, NotOneLabel, UnusableLabelName
from core.labels import Kind, canonical
from core.ledger import Ledger
from core.package import read_facts
from core.records import FeedbackRecord
from core.registry import Registry


@dataclass(frozen=True)
class GivenLabel:
    """A label of one prediction as a person wrote it: a string, or a list of names."""

    prediction_id: str
    label: str | Sequence[str]
    source: str


@dataclass(frozen=True)
class StoredLabels:
    """`accepted`: number of stored labels; `unknown`: prediction ids that are not in the ledger."""

    accepted: int
    unknown: list[str]


def store_labels(
    ledger: Ledger, given: Sequence[GivenLabel], *, kind_of: Callable[[str], Kind], model: str | None = None
) -> StoredLabels:
    """Store the labels of all known predictions, or none if it raises.

    `kind_of` returns the kind of a model. Raises `LabelRefused` for a label that the model cannot have, and, if `model`
    is given, `LabelsOfAnotherModel` for a prediction of another model.
    """
    answered_by = ledger.models_of(item.prediction_id for item in given)
    for prediction_id, name in answered_by.items():
        if model is not None and name != model:
            raise LabelsOfAnotherModel(prediction_id, name, model)
    kinds = {name: kind_of(name) for name in set(answered_by.values())}
    records = [
        FeedbackRecord(
            item.prediction_id, _canonical(item, number, kinds[answered_by[item.prediction_id]]), item.source
        )
        for number, item in enumerate(given, 1)
        if item.prediction_id in answered_by
    ]
    # A prediction may be erased between the two transactions.
    is_known = dict(zip((record.prediction_id for record in records), ledger.record_feedback(records), strict=True))
    unknown = [item.prediction_id for item in given if not is_known.get(item.prediction_id)]
    return StoredLabels(len(given) - len(unknown), unknown)


def registered_kind(registry: Registry, model: str) -> Kind:
    """The kind of the champion, else of the newest version; single-label if the model has no version."""
    versions, champion = registry.versions(model), registry.readable_pointer(model)
    if champion and champion.version in versions:
        versions = [champion.version]
    return read_facts(registry.folder(model, versions[-1])).kind if versions else "single-label"


def _canonical(item: GivenLabel, number: int, kind: Kind) -> str:
    try:
        return canonical(item.label, kind)
    except (NotOneLabel, UnusableLabelName) as error:
        raise LabelRefused(number, str(error)) from error
