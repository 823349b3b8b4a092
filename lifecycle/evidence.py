"""Labelled rows as evidence: each text counts once, however often it came and was labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from core.datasets import Example, key_or
from core.powered import LEAST_ROWS, powered_accuracy
from core.records import LabelledPrediction, PredictionRecord
from core.share import Share
from core.texts.near_duplicates import NEAR_SIMILARITY, near_pairs

Row = TypeVar("Row", Example, LabelledPrediction)


def different(rows: Iterable[Row]) -> list[Row]:
    """One row for each text, the last one: if the rows are in the order of their labels, with its latest label.

    Of near-copies with the same label, as similar as `retune check` asks, only the last one counts. Each row without a
    stored text counts.
    """
    latest: dict[str, Row] = {}
    for number, row in enumerate(rows):
        key = key_or(row.input, f"\0{number}")  # no text has this key
        latest.pop(key, None)
        latest[key] = row
    kept = list(latest.values())
    copied = {
        pair.first
        for pair in near_pairs(list(latest), threshold=NEAR_SIMILARITY)
        if kept[pair.first].text and kept[pair.first].label == kept[pair.second].label
    }
    return [row for number, row in enumerate(kept) if number not in copied]


def accuracy_of(measure: Sequence[LabelledPrediction], window: Sequence[PredictionRecord]) -> Share | None:
    """Accuracy over all rows of the window, of which `measure` are a random sample with labels; None without others."""
    labelled = {row.prediction_id for row in measure}
    others = [row.score for row in window if row.id not in labelled]
    if len(measure) < LEAST_ROWS or not others:
        return None
    return powered_accuracy([row.predicted == row.label for row in measure], [row.score for row in measure], others)


def minor_callers(labelled: Sequence[LabelledPrediction], window: Sequence[PredictionRecord]) -> list[str | None]:
    """API keys, None for requests without one, that asked for at most half of the window's texts, if there are several.

    Those with the most labelled rows are first.
    """
    asked, given = Counter(row.key for row in window), Counter(row.key for row in labelled)
    if len(asked | given) < 2:
        return []
    return [key for key, _ in given.most_common() if 2 * asked[key] <= len(window)]
