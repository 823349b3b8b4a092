"""The hyperparameters of one training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Recipe:
    """How to train: `rate` at the top, times `layer_decay` a block further down.

    `epochs` may end within one. `batch_rows` are the rows behind one step, over all processes and `accumulate`
    parts. `consistency` weighs how far two dropouts of one row may differ (R-Drop, Wu et al. 2021, arXiv
    2106.14448; 0: off, and each row is computed once). `patience`: epochs without a better state before the
    training ends.
    """

    epochs: float
    batch_rows: int
    rate: float
    layer_decay: float
    weight_decay: float
    warm_up: float
    dropout: float
    label_smoothing: float
    consistency: float
    has_class_weights: bool
    accumulate: int
    patience: int
    precision: Precision

    @property
    def passes(self) -> int:
        """How often a row is computed in an epoch."""
        return 2 if self.consistency else 1

    def rows_at_once(self, processes: int) -> int:
        """Rows that one of so many processes takes from the trainer at a time."""
        return max(1, math.ceil(self.batch_rows / (self.accumulate * processes)))

    def steps(self, rows: int) -> int:
        return math.ceil(self.epochs * math.ceil(rows / self.batch_rows))
