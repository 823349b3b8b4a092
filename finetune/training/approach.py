"""One way of fine-tuning, as a training sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from transformers import TrainerCallback

from finetune.training.classifier import Classifier


class Approach(Protocol):
    """Which weights of a copy are trained, and at which rates.

    `default_rate` is the learning rate at the top where none is given or found; `layer_decay` is the factor from a
    block to the one below it.
    """

    name: str
    default_rate: float
    layer_decay: float

    def prepare(self, model: Classifier) -> None:
        """Change the copy before it is trained: freeze or add weights."""

    def callbacks(self, model: Classifier) -> Sequence[TrainerCallback]:
        """Callbacks of its own during the training."""

    def finish(self, model: Classifier) -> None:
        """Leave a plain encoder behind."""
