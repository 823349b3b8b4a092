"""Linear probing, then fine-tuning of every block (Kumar et al. 2022, arXiv 2202.10054)."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import TrainerCallback

from finetune.methods.features import fit_features
from finetune.task import Fitted, Task
from finetune.training.classifier import Classifier
from finetune.training.tuning import tune


class Full:
    """All blocks are trained, each at a lower rate than the block above it."""

    name = "full"
    default_rate = 4e-4
    layer_decay = 0.8

    def prepare(self, model: Classifier) -> None:
        pass

    def callbacks(self, model: Classifier) -> Sequence[TrainerCallback]:
        return ()

    def finish(self, model: Classifier) -> None:
        pass


def fit_full(task: Task) -> Fitted:
    """Linear probing, then fine-tuning of all blocks."""
    return tune(task, fit_features(task), Full())
