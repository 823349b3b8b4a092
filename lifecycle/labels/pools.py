"""Splits rows into rows that measure accuracy and rows that may be trained on; the two lists share no text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from core.datasets import is_held_out, key_or, place_of
from core.records import LabelledPrediction, PredictionRecord

Row = TypeVar("Row", PredictionRecord, LabelledPrediction)
Predicted = TypeVar("Predicted", bound=PredictionRecord)


def in_text_order(rows: Iterable[Predicted]) -> list[Predicted]:
    """By a hash of their texts: a random draw from them then hangs on the texts and its seed, not on when each came
    last.
    """
    return sorted(rows, key=lambda row: place_of(key_or(row.input, row.id)))


def pools_of(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """(rows that measure, rows that may be trained on).

    Rows with held-out texts measure. Rows without a stored text cannot be trained on, so they also measure, by the
    recorded prediction.
    """
    measure: list[Row] = []
    trainable: list[Row] = []
    for row in rows:
        (measure if not row.has_text or is_held_out(row.input) else trainable).append(row)
    return measure, trainable
