"""Splits rows into those that measure accuracy and those that may be trained on; no text is in both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from core.datasets import is_held_out
from core.records import LabelledPrediction, PredictionRecord

Row = TypeVar("Row", PredictionRecord, LabelledPrediction)


def pools_of(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """(rows that measure, rows that may be trained on).

    Rows with held-out texts measure. Rows without a stored text cannot be trained on, so they measure, too, by the
    recorded answer.
    """
    measure: list[Row] = []
    trainable: list[Row] = []
    for row in rows:
        (measure if not row.has_text or is_held_out(row.input) else trainable).append(row)
    return measure, trainable
