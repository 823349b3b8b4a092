"""Fine-tuning of the last blocks, or gradual unfreezing (Howard & Ruder 2018, arXiv 1801.06146)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune.methods.features import fit_features
from finetune.task import Fitted, Task
from finetune.training.classifier import Classifier, classifier_depths
from finetune.training.tuning import tune

UNFROZEN_BY = 0.5
"""Share of the steps after which all blocks are trained."""


class Layerwise:
    """The last `blocks` blocks are trained; with 0, all blocks are unfrozen one after another from the top."""

    name = "layerwise"
    default_rate = 4e-4
    layer_decay = 0.65

    def __init__(self, blocks: int) -> None:
        self._blocks = blocks

    def prepare(self, model: Classifier) -> None:
        if self._blocks:
            depths = classifier_depths(model)
            lowest = max(depths.values()) - self._blocks
            for name, parameter in model.named_parameters():
                if depths[name] < lowest:
                    parameter.requires_grad_(False)

    def callbacks(self, model: Classifier) -> Sequence[TrainerCallback]:
        return () if self._blocks else (GradualUnfreezing(model),)

    def finish(self, model: Classifier) -> None:
        pass


class GradualUnfreezing(TrainerCallback):
    """Freezes all blocks except the last, then unfreezes them from the top within `UNFROZEN_BY` of the steps."""

    def __init__(self, model: Classifier) -> None:
        depths = classifier_depths(model)
        self._parameters = [
            (depths[name], parameter) for name, parameter in model.named_parameters() if parameter.requires_grad
        ]
        self._top = max(depth for depth, _ in self._parameters)

    # Freezing starts here because DistributedDataParallel must first register every parameter as trainable.
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._unfreeze(state)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._unfreeze(state)

    def _unfreeze(self, state: TrainerState) -> None:
        done = state.global_step / max(1.0, UNFROZEN_BY * state.max_steps)
        lowest = self._top - int(done * self._top) - 1
        for depth, parameter in self._parameters:
            parameter.requires_grad_(depth >= lowest)


def fit_layerwise(task: Task) -> Fitted:
    """Linear probing, then fine-tuning of the last blocks or with gradual unfreezing."""
    return tune(task, fit_features(task), Layerwise(task.settings.blocks))
