"""Predictions whose labels are asked for."""

from __future__ import annotations

from core.feedback import ModelLabels
from core.ledger import Ledger
from core.records import Wanted
from tests.core.test_ledger import prediction


def labels_of(_model: str) -> ModelLabels:
    return ModelLabels("single-label", frozenset({"bug", "billing"}))


def requested(ledger: Ledger, *texts: str) -> list[str]:
    """Record predictions of the texts, request their labels; return their ids."""
    rows = [prediction(text) for text in texts]
    ledger.record_predictions(rows)
    ledger.request_labels("m", [Wanted(row.id, "measure") for row in rows], check_id=None)
    return [row.id for row in rows]
