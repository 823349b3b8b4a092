"""What tells one way of fine-tuning from another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from transformers import TrainerCallback

from finetune.training.classifier import Classifier
from finetune.training.recipe import Recipe


class Approach(Protocol):
    """Which weights of a copy are trained, and how far each of them."""

    name: str

    def prepare(self, model: Classifier) -> None:
        """Change the copy before it is trained."""

    def groups(self, model: Classifier, recipe: Recipe) -> list[dict[str, Any]]:
        """The optimiser's groups, each with its rate."""

    def callbacks(self, model: Classifier) -> Sequence[TrainerCallback]:
        """What else happens during the training."""

    def finish(self, model: Classifier) -> None:
        """Leave a plain encoder behind."""
