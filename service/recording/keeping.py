"""How much the ledger gets to see: which predictions, and what of their texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.config import Keep
from core.personal_data import redacted
from core.records import PredictionRecord


def is_sampled(prediction_id: str, share: float) -> bool:
    """Whether a prediction belongs to the share that is recorded.

    Decided by the random half of an id (`core.clock.sortable_id`), so that every worker decides alike
    and neither text nor label has a say.

    >>> is_sampled("0" * 16 + "7f" + "0" * 14, 0.5), is_sampled("0" * 16 + "80" + "0" * 14, 0.5)
    (True, False)
    """
    return int(prediction_id[16:], 16) < share * 2**64


def kept(record: PredictionRecord, keep: Keep) -> PredictionRecord:
    """The record as it may be written."""
    change = _CHANGES.get(keep)
    if change is None:
        return record
    return replace(record, text=change(record.text), pair=None if record.pair is None else change(record.pair))


def _nothing(_text: str) -> str:
    return ""


_CHANGES: dict[Keep, Callable[[str], str]] = {"redacted": redacted, "features": _nothing}
