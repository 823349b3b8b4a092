"""Texts of the window that may be trained on and that nobody has labelled."""

from __future__ import annotations

from core.datasets import key_of
from core.records import PredictionRecord
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.labels.pools import pools_of
from lifecycle.situation import Situation


def unlabelled_rows(rows: TrainingSet, situation: Situation) -> list[PredictionRecord]:
    """Without texts that measure, that are trained on already, or whose label nobody can tell."""
    used = {row.key for part in (rows.train, rows.fresh, rows.old) for row in part}
    used |= situation.labelled_keys | situation.untold_keys
    _, trainable = pools_of(row for row in situation.window if row.has_text)
    return [row for row in trainable if key_of(row.input) not in used]
