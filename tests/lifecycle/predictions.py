"""Recorded predictions of a model `m`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.clock import sortable_id, utc_now
from core.ledger import Ledger
from core.records import PredictionRecord


def predicted(
    ledger: Ledger,
    count: int,
    label: str = "billing",
    *,
    version: str = "1",
    texts: Sequence[str] = (),
    dimensions: int = 4,
) -> list[PredictionRecord]:
    vectors = np.random.default_rng(0).normal(size=(count, dimensions)).astype(np.float32)
    keys = [sortable_id() for _ in vectors]
    rows = [
        PredictionRecord(key, "m", version, utc_now(), text, label, 0.5, 3, False, vector)
        for key, text, vector in zip(keys, texts or [f"text {key}" for key in keys], vectors, strict=True)
    ]
    ledger.record_predictions(rows)
    return rows
