"""The different texts of a window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.datasets import key_or
from core.features import Features
from core.records import StoredPrediction
from core.texts.copies import Folded, fold_embeddings, fold_texts, same_text_distance


def fold_predictions(rows: Sequence[StoredPrediction], reference: Features) -> Folded:
    """Predictions of the same text count once, and near-copies if those of the reference do, too.

    Rows without a stored text are compared by their embeddings: equal texts are found, near-copies are not.
    """
    if not rows:
        return Folded([], [])
    copies = [row.copies for row in rows]
    if any(row.has_text for row in rows):
        return fold_texts([key_or(row.input, "") for row in rows], copies, near=reference.copies is not None)
    embeddings = np.stack([row.embedding for row in rows])
    return fold_embeddings(embeddings, copies, within=same_text_distance(reference.embeddings))
