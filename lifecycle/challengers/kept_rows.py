"""The held-out rows that a challenger's package records: its drift reference and the rows of its gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.config import Config
from core.datasets import Example, keep_dataset, key_of
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.labels.pools import pools_of
from lifecycle.situation import Situation


@dataclass(frozen=True)
class KeptRows:
    """`reference`: held-out texts of the window, with their latest labels if known; if there are fewer than a check
    needs, the validation rows and those of the gate. `holdout`: the rows that the gate compares on.
    """

    reference: Sequence[Example]
    holdout: Sequence[Example]


def kept_rows(rows: TrainingSet, validation: Sequence[Example], situation: Situation, config: Config) -> KeptRows:
    """Also stores the rows as data sets."""
    holdout = [*rows.old, *rows.fresh]
    kept = KeptRows(_reference(situation, config) or [*validation, *holdout], holdout)
    for part in (kept.reference, kept.holdout):
        if part:
            keep_dataset(part, config.datasets)
    return kept


def _reference(situation: Situation, config: Config) -> list[Example] | None:
    labels = {row.example.key: row.label for row in situation.labelled}
    measure, _ = pools_of(row for row in situation.window if row.has_text)
    if len(measure) < config.drift.min_rows:
        return None
    return [Example(row.text, labels.get(key_of(row.input)), row.pair) for row in measure]
