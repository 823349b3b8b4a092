"""The interface of an approach to fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from transformers import TrainerCallback

from finetune.training.classifier import Classifier


class Approach(Protocol):
    """Which weights are trained, and at which learning rates.

    `default_rate` is the rate of the head, used if the settings give none and the search finds none.
    `layer_decay` multiplies the rate from each block to the block below it.
    """

    name: str
    default_rate: float
    layer_decay: float

    def prepare(self, model: Classifier) -> None:
        """Freeze or add weights before training."""

    def callbacks(self, model: Classifier) -> Sequence[TrainerCallback]:
        """Further callbacks of the trainer."""

    def finish(self, model: Classifier) -> None:
        """Remove what `prepare` added: the encoder has its original modules again."""
