"""Rungs with made-up answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.engine import Outputs
from export.candidate import Candidate


def candidate(
    name: str = "int8",
    *,
    rows: int = 1000,
    lost: int = 0,
    gained: int = 0,
    wrong: int = 50,
    probability_change: float = 0.0,
    changed_labels: int = 0,
    is_dynamic: bool = False,
    score: float = 0.9,
) -> Candidate:
    """A rung on `rows` rows of two labels, compared with a baseline that is wrong on the last `wrong` rows.

    It is also wrong on the first `lost` rows, and right on `gained` of those that the baseline has wrong.
    """
    truth = np.zeros(rows, dtype=np.int64)
    predicted = truth.copy()
    predicted[:lost] = 1
    predicted[rows - wrong + gained :] = 1
    probabilities = np.where(np.eye(2)[predicted] == 1, score, 1 - score).astype(np.float32)
    outputs = Outputs(probabilities, np.zeros((rows, 1), dtype=np.float32), probabilities)
    return Candidate(
        name, Path(name), outputs, truth, probability_change, changed_labels, size_mb=1.0, is_dynamic=is_dynamic
    )
