"""Predictions of a version as the server records them, and labels as people give them."""

from __future__ import annotations

from collections.abc import Sequence

from core.assigned import cells
from core.clock import sortable_id, utc_now
from core.datasets import Example
from core.engine import Engine
from core.home import Home
from core.records import FeedbackRecord, PredictionRecord


def serve(home: Home, rows: Sequence[Example], *, labelled: bool = True) -> list[str]:
    """The champion of `m` answers the rows, each of which gets its label; returns the predictions' ids."""
    version = home.registry.champion("m").version
    engine = Engine(home.registry.folder("m", version), threads=1)
    outputs = engine.answer([row.input for row in rows])
    given = zip(rows, cells(outputs.predicted, engine.labels), outputs.confidence, outputs.embeddings, strict=True)
    records = [
        PredictionRecord(
            sortable_id(), "m", version, utc_now(), row.text, label, float(score), 5, False, vector, row.pair
        )
        for row, label, score, vector in given
    ]
    home.ledger.record_predictions(records)
    if labelled:
        labels = [FeedbackRecord(one.id, str(row.label)) for one, row in zip(records, rows, strict=True)]
        home.ledger.record_feedback(labels)
    return [one.id for one in records]
