"""The recent predictions of a version that no check has used yet, as features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import UnknownLabels
from core.features import Features
from core.ledger import Ledger
from core.records import PredictionRecord


def unchecked_predictions(ledger: Ledger, model: str, version: str, *, limit: int) -> list[PredictionRecord]:
    """The most recent predictions after those that a conclusive check has used, oldest first.

    Each row is tested once, so successive checks share nothing but the reference.
    """
    return ledger.window(model, version, limit=limit, after=ledger.last_window_end(model, version))


def features_of(records: Sequence[PredictionRecord], labels: Sequence[str], *, dimensions: int) -> Features:
    """Features of n recorded predictions, n may be 0; embeddings (n, dimensions), truth unknown.

    Raises `UnknownLabels` if a recorded label is not among the version's `labels`.
    """
    index = {label: position for position, label in enumerate(labels)}
    if unknown := sorted({record.label for record in records} - set(index)):
        raise UnknownLabels(unknown, labels, "The ledger")
    embeddings = [record.embedding for record in records]
    return Features(
        embeddings=np.stack(embeddings) if embeddings else np.zeros((0, dimensions), dtype=np.float32),
        predicted=np.array([index[record.label] for record in records], dtype=np.int64),
        confidence=np.array([record.score for record in records], dtype=np.float32),
        length=np.array([record.tokens for record in records], dtype=np.int64),
        truth=np.full(len(records), -1, dtype=np.int64),
    )
