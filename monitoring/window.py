"""Features of the recent predictions that no conclusive check has used yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.assigned import assigned_by
from core.champion import ChampionPackage
from core.datasets import Text
from core.errors import UnknownLabels
from core.features import Features
from core.labels import names_in
from core.ledger import Ledger
from core.records import PredictionRecord, StoredPrediction
from monitoring.copies import fold_predictions


def unchecked_windows(ledger: Ledger, model: str, version: str, *, limit: int, most: int) -> list[int]:
    """Numbers of the last predictions of the windows before the latest one that no conclusive check has used, in their
    order; with the latest one they are at most `most`.
    """
    after = ledger.last_checked(model, version)
    if most == 1 or not ledger.arrivals.has_more(model, version, after=after, count=limit + 1):
        return []
    return ledger.arrivals.window_ends(model, version, limit=limit, after=after, most=most)[:-1]


@dataclass(frozen=True)
class Window:
    """The different texts of a window; `texts`: None if one of them is not stored."""

    features: Features
    ids: list[str]
    texts: list[Text] | None


def window_of(records: Sequence[StoredPrediction], package: ChampionPackage) -> Window:
    """The different texts among predictions of the package; raises as `features_of`."""
    dimensions, is_multi_label = package.reference.embeddings.shape[1], package.kind == "multi-label"
    folded = fold_predictions(records, package.reference)
    different = [records[index] for index in folded.kept]
    features = features_of(different, package.labels, dimensions=dimensions, multi_label=is_multi_label)
    return Window(
        replace(features, copies=np.array(folded.copies, dtype=np.int64)),
        [record.id for record in different],
        [record.input for record in different] if all(record.has_text for record in different) else None,
    )


def features_of(
    records: Sequence[PredictionRecord], labels: Sequence[str], *, dimensions: int, multi_label: bool = False
) -> Features:
    """Features of n >= 0 recorded predictions; embeddings (n, dimensions), truth unknown.

    Raises `UnknownLabels` if a predicted label is not in the version's `labels`.
    """
    given = [record.label for record in records]
    names = {name for cell in given for name in (names_in(cell) if multi_label else [cell])}
    if unknown := sorted(names - set(labels)):
        raise UnknownLabels(unknown, labels, "The ledger")
    predicted = assigned_by(given, labels, multi_label=multi_label)
    embeddings = [record.embedding for record in records]
    return Features(
        embeddings=np.stack(embeddings) if embeddings else np.zeros((0, dimensions), dtype=np.float32),
        predicted=predicted,
        confidence=np.array([record.score for record in records], dtype=np.float32),
        length=np.array([record.tokens for record in records], dtype=np.int64),
        truth=np.full(predicted.shape, -1, dtype=np.int64),
    )
