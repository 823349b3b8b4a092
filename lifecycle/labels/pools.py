"""Which rows measure and which are trainable: no text is ever both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from core.datasets import is_held_out
from core.records import LabelledPrediction, PredictionRecord

Row = TypeVar("Row", PredictionRecord, LabelledPrediction)


def pools_of(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """The rows that measure, and those that may be trained on.

    Those with held-out texts measure. Nothing can be trained on where the text was not kept, so these rows
    measure as well, by the answer that was recorded.
    """
    measure: list[Row] = []
    trainable: list[Row] = []
    for row in rows:
        (measure if not row.has_text or is_held_out(row.input) else trainable).append(row)
    return measure, trainable
