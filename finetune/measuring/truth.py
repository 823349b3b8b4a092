"""The truth of rows, and the log loss of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.arrays import Numbers

Truth = NDArray[Any]
"""(n,) label indices, -1 for an unknown label; for multi-label models (n, k) bool."""
FLOOR = 1e-12


def row_losses(truth: Truth, probabilities: Numbers) -> Numbers:
    """(n,) log loss of each row in nats; for a multi-label model, the mean over the labels."""
    scores = probabilities.astype(np.float64)
    losses: Numbers
    if truth.ndim == 1:
        of_truth = np.where(truth < 0, 0.0, scores[np.arange(len(truth)), np.maximum(truth, 0)])
        losses = -np.log(np.maximum(of_truth, FLOOR))
    else:
        losses = -np.log(np.maximum(np.where(truth, scores, 1 - scores), FLOOR)).mean(axis=1)
    return losses


def predicted_labels(truth: Truth, probabilities: Numbers, thresholds: Numbers | None = None) -> Truth:
    """Predictions in the shape of `truth`: (n,) most probable labels, or (n, k) whether scores reach the thresholds."""
    answers: Truth
    if truth.ndim == 1:
        answers = probabilities.argmax(axis=1)
    else:
        answers = probabilities >= (0.5 if thresholds is None else thresholds)
    return answers
