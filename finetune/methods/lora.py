"""Low-rank adapters, merged into the encoder afterwards (Hu et al. 2021, arXiv 2106.09685)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from peft import LoraConfig, get_peft_model
from transformers import TrainerCallback

from finetune.encoders.depth import linear_targets
from finetune.methods.features import fit_features
from finetune.task import Fitted, Task
from finetune.training.classifier import Classifier
from finetune.training.tuning import tune

RANK, SCALE = 16, 32


class Lora:
    """Adapters on the linear layers of every block and the head are trained; the encoder's weights are frozen."""

    name = "lora"
    default_rate = 4e-3
    layer_decay = 1.0

    def prepare(self, model: Classifier) -> None:
        transformer = model.encoder.transformer
        config = LoraConfig(
            r=RANK, lora_alpha=SCALE, lora_dropout=0.0, target_modules=linear_targets(transformer), bias="none"
        )
        with warnings.catch_warnings():
            # peft uses a deprecated name of transformers.
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
            adapted: Any = get_peft_model(transformer, config)  # a wrapper with the transformer's interface
        model.encoder.transformer = adapted

    def callbacks(self, model: Classifier) -> Sequence[TrainerCallback]:
        return ()

    def finish(self, model: Classifier) -> None:
        adapted: Any = model.encoder.transformer
        model.encoder.transformer = adapted.merge_and_unload()


def fit_lora(task: Task) -> Fitted:
    """Linear probing, then training of adapters and head."""
    return tune(task, fit_features(task), Lora())
