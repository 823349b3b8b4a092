"""The confusion matrix of single-label predictions, and the most frequent errors in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.arrays import Indices

MAX_MATRIX_LABELS = 30
"""With more labels, the matrix is not stored, only the most frequent errors."""

MAX_PAIRS = 200


@dataclass(frozen=True)
class ConfusedPair:
    """`count` rows of label `truth` were predicted as `predicted`; `truth` None: a label unknown to the model."""

    truth: str | None
    predicted: str
    count: int


@dataclass(frozen=True)
class Confusion:
    """`counts` (k + 1, k) by true label (last row: labels unknown to the model) and predicted label."""

    labels: list[str]
    counts: Indices

    def pairs(self, limit: int | None = None) -> list[ConfusedPair]:
        """Pairs of different true and predicted label, the most frequent first, then in the order of the labels."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        cells = np.argwhere(wrong > 0).tolist()
        cells.sort(key=lambda cell: (-wrong[cell[0], cell[1]], cell))
        names = [*self.labels, None]
        return [
            ConfusedPair(names[truth], self.labels[answer], int(wrong[truth, answer]))
            for truth, answer in cells[:limit]
        ]

    def most_confused(self, limit: int) -> list[int]:
        """Indices of the labels with the most errors as true or predicted label, in the order of the labels."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        errors = wrong.sum(axis=0) + wrong[:-1].sum(axis=1)
        return sorted(np.argsort(-errors, kind="stable")[:limit].tolist())

    def as_dict(self) -> dict[str, Any]:
        """`matrix` (k, k) by true and predicted label, None for more than 30 labels; at most 200 `pairs`."""
        kept = [vars(pair) for pair in self.pairs(MAX_PAIRS)]
        small = len(self.labels) <= MAX_MATRIX_LABELS
        return {
            "labels": self.labels if small else None,
            "matrix": self.counts[:-1].tolist() if small else None,
            "unknown": self.counts[-1].sum().item(),
            "pairs": kept,
        }


def confusion_of(truth: Indices, predicted: Indices, labels: Sequence[str]) -> Confusion:
    """The confusion matrix of (n,) label indices; -1 in the truth is an unknown label.

    >>> confusion_of(np.array([0, 1, -1]), np.array([0, 0, 1]), ["a", "b"]).counts.tolist()
    [[1, 0], [1, 0], [0, 1]]
    """
    known = len(labels)
    cells = np.where(truth < 0, known, truth) * known + predicted
    return Confusion(list(labels), np.bincount(cells, minlength=(known + 1) * known).reshape(known + 1, known))
