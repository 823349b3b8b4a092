"""Divides the rows of one file into rows to train on and the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets import Example
from core.labels import Kind
from finetune.split import split

SHARE, LARGEST_SHARE = 0.15, 0.25
MOST_ROWS = 1_000
"""Of the reference: as many as validation rows, so that a check of a large model takes seconds."""


@dataclass(frozen=True)
class Parts:
    """`train`: rows for training and validation; `reference`: rows that neither sees."""

    train: Sequence[Example]
    reference: Sequence[Example]


def parted(rows: Sequence[Example], kind: Kind, *, least: int, seed: int) -> Parts:
    """Hold out a share of each label's texts: 15 %, or more where `least` rows need it, at most a quarter.

    Raises `TooFewRowsOfLabel` if every label has one text.
    """
    share = min(LARGEST_SHARE, max(SHARE, least / max(1, len(rows))))
    # Another seed than that of the validation rows, which are drawn from the rest in the same way.
    found = split(rows, kind, share=share, max_rows=max(MOST_ROWS, least), seed=seed + 1)
    return Parts(found.train, found.validation)
