"""Rungs with made-up answers, for the rules that judge them."""

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
    move: float = 0.0,
    moved: int = 0,
    is_dynamic: bool = False,
    score: float = 0.9,
) -> Candidate:
    """Two labels. Of `rows` the first `lost` are wrong, the last `wrong` too but for the first `gained` of them."""
    truth = np.zeros(rows, dtype=np.int64)
    predicted = truth.copy()
    predicted[:lost] = 1
    predicted[rows - wrong + gained :] = 1
    probabilities = np.where(np.eye(2)[predicted] == 1, score, 1 - score).astype(np.float32)
    outputs = Outputs(probabilities, np.zeros((rows, 1), dtype=np.float32), probabilities)
    return Candidate(name, Path(name), outputs, truth, move, moved, size_mb=1.0, is_dynamic=is_dynamic)
