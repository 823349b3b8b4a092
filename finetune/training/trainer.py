"""One training on Hugging Face's `Trainer`: from a start to its best state."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from finetune.methods.task import Rows, Task
from finetune.training.best_state import BestState
from finetune.training.losses import Loss, class_weights, divergence, loss_of
from finetune.training.processes import process_count, training_device
from finetune.training.recipe import Precision, Recipe
from finetune.training.sampler import ByLength
from finetune.training.schedule import schedule

Item = dict[str, Any]


def train(
    model: nn.Module,
    groups: list[dict[str, Any]],
    task: Task,
    recipe: Recipe,
    *,
    name: str,
    keeper: BestState,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Train `model` by the recipe until its end, or until `keeper` ends it; goes on with a saved state if there is one.

    `groups` are the optimiser's; `name` tells this training from others of the same run.
    """
    optimizer = torch.optim.AdamW(groups, fused=True)
    steps = recipe.steps(len(task.train.inputs))
    shape = schedule(steps, warm_up=recipe.warm_up, time_share=lambda: keeper.time_share)
    trainer = _Trainer(
        objective=Objective.of(task, recipe),
        keeper=keeper,
        model=model,
        args=_arguments(task.work.states(name), recipe, seed=task.settings.seed),
        train_dataset=items(task, task.train),
        data_collator=lambda rows: collate(task, rows),
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, shape)),
        callbacks=[keeper, *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    state = task.work.last_state(name)
    if state is not None:
        keeper.recall(state)
    with _known_warnings():
        trainer.train(resume_from_checkpoint=None if state is None else str(state))


def items(task: Task, rows: Rows) -> list[Item]:
    tokens = task.tokenizer.encode(rows.inputs)
    return [
        {"input_ids": row.ids, "tokens": row, "truth": truth} for row, truth in zip(tokens, rows.truth, strict=True)
    ]


def collate(task: Task, batch: Sequence[Item]) -> dict[str, Tensor]:
    inputs = task.tokenizer.batch([item["tokens"] for item in batch])
    truth = torch.from_numpy(np.stack([item["truth"] for item in batch]))
    return {**inputs, "labels": truth.float() if truth.ndim == 2 else truth}


@dataclass(frozen=True)
class Objective:
    """The loss of a model on a batch."""

    task: Task
    loss: Loss
    consistency: float

    @staticmethod
    def of(task: Task, recipe: Recipe) -> Objective:
        weights = class_weights(task.train.truth, len(task.labels)) if recipe.has_class_weights else None
        if weights is not None:
            weights = weights.to(training_device())
        loss = loss_of(task.kind, label_smoothing=recipe.label_smoothing, weights=weights)
        return Objective(task, loss, recipe.consistency)

    def __call__(self, model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        given = dict(inputs)
        truth = given.pop("labels")
        if not self.consistency:
            return self.loss(model(**given), truth)
        first, second = model(**{name: torch.cat([value, value]) for name, value in given.items()}).chunk(2)
        fit = (self.loss(first, truth) + self.loss(second, truth)) / 2
        return fit + self.consistency * divergence(first, second, self.task.kind)

    def of_rows(self, model: nn.Module, rows: Sequence[Item], *, precision: Precision) -> Tensor:
        """The loss on some rows as a step of the trainer computes it, outside of the trainer."""
        device = training_device()
        inputs = {name: tensor.to(device) for name, tensor in collate(self.task, rows).items()}
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            return self(model, inputs)


class _Trainer(Trainer):
    """Computes our loss, and tells it to whoever judges the training."""

    def __init__(self, *, objective: Objective, keeper: BestState, **options: Any) -> None:
        super().__init__(**options)
        self._objective, self._keeper = objective, keeper
        self._lengths = [len(item["input_ids"]) for item in options["train_dataset"]]
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        rows = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps * process_count()
        return ByLength(self._lengths, batch_rows=rows, seed=self.args.seed)

    def compute_loss(  # type: ignore[override]  # theirs names arguments that we ignore
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **_: Any
    ) -> Any:
        loss = self._objective(model, inputs)
        self._keeper.hear_loss(float(loss.detach()))
        return (loss, {}) if return_outputs else loss


def _arguments(folder: Path, recipe: Recipe, *, seed: int) -> TrainingArguments:
    has_gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=max(1, math.ceil(recipe.batch_rows / (recipe.accumulate * process_count()))),
        gradient_accumulation_steps=recipe.accumulate,
        max_grad_norm=1.0,
        seed=seed,
        use_cpu=not has_gpu,
        bf16=recipe.precision == "bfloat16",
        dataloader_pin_memory=has_gpu,
        remove_unused_columns=False,
        save_strategy="no",
        save_total_limit=2,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        ddp_find_unused_parameters=True if process_count() > 1 else None,
    )


@contextmanager
def _known_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # Raised by torch itself while a sampler's or a scheduler's state is restored.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        yield
