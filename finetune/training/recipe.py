"""The hyperparameters of one training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Recipe:
    """`rate` is the learning rate of the head; each block below has `layer_decay` times the rate above it.

    `epochs` may be a fraction. `batch_rows` are the rows of one optimizer step, over all processes and `accumulate`
    gradient accumulation steps. `consistency` is the weight of R-Drop (Wu et al. 2021, arXiv 2106.14448): the
    divergence between two predictions of a row with different dropout; 0 switches it off. `patience` is the number
    of epochs without a kept state after which the training stops.
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
        """Forward passes per row and epoch."""
        return 2 if self.consistency else 1

    def rows_at_once(self, processes: int) -> int:
        """Rows that each of `processes` gets per gradient accumulation step."""
        return max(1, math.ceil(self.batch_rows / (self.accumulate * processes)))

    def steps(self, rows: int) -> int:
        return math.ceil(self.epochs * math.ceil(rows / self.batch_rows))
