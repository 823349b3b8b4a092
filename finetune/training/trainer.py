"""One training with Hugging Face's `Trainer`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from core.progress import Progress
from finetune.run_state.processes import process_count
from finetune.task import Scored, Task
from finetune.training.average import WeightAverage
from finetune.training.best_state import BestState
from finetune.training.classifier import Classifier, parameter_groups
from finetune.training.early_stopping import EarlyStopping
from finetune.training.objective import Objective, collate, encoded_rows
from finetune.training.recipe import Recipe
from finetune.training.sampler import LengthGroupedSampler
from finetune.training.saving import StateSaving
from finetune.training.schedule import schedule
from finetune.training.time_limit import TimeLimit
from finetune.training.training_loss import TrainingLoss


@dataclass(frozen=True)
class Trained:
    """`average`: of the weights, at the last step. `stopped_by` is "budget", "divergence" or "patience"; None if all
    planned steps were done.
    """

    best_state: BestState
    average: WeightAverage
    stopped_by: str | None


def train(
    model: Classifier,
    task: Task,
    recipe: Recipe,
    *,
    name: str,
    start: Scored,
    reserve_s: float = 0.0,
    callbacks: Sequence[TrainerCallback] = (),
) -> Trained:
    """Train `model` by the recipe, from its saved state if there is one; `start` are the scores before training.

    `name` identifies this training within the run. It ends `reserve_s` seconds before the end of the task's time.
    """
    average, loss = WeightAverage(model), TrainingLoss()
    best_state = BestState(task, model, start, average, loss)
    time_limit = TimeLimit(task, reserve_s=reserve_s)
    early_stopping = EarlyStopping(time_limit, loss, best_state, patience=recipe.patience)
    saving = StateSaving(task, best_state, average, loss, early_stopping)
    optimizer = torch.optim.AdamW(parameter_groups(model, recipe), fused=True)
    steps = recipe.steps(len(task.train.inputs))
    shape = schedule(steps, warm_up=recipe.warm_up, time_share=lambda: early_stopping.time_used)
    trainer = _Trainer(
        objective=Objective.of(task, recipe),
        loss=loss,
        model=model,
        args=_training_arguments(task.run_folder.states_folder(name), recipe, seed=task.settings.seed),
        train_dataset=encoded_rows(task, task.train),
        data_collator=lambda rows: collate(task, rows),
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, shape)),
        # The order matters: the average is updated, then evaluated, then early stopping reads the evaluation.
        callbacks=[_ProgressCallback(task.on_progress), average, best_state, early_stopping, saving, *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    state = task.run_folder.last_state(name)
    if state is not None:
        saving.load_state(state)
    with _ignored_warnings():
        trainer.train(resume_from_checkpoint=None if state is None else str(state))
    return Trained(best_state, average, early_stopping.reason)


class _ProgressCallback(TrainerCallback):
    def __init__(self, on_progress: Progress) -> None:
        self._on_progress = on_progress

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._on_progress("Fine-tuning", state.global_step / state.max_steps)


class _Trainer(Trainer):
    """Computes the objective in micro-batches and records the training loss."""

    def __init__(self, *, objective: Objective, loss: TrainingLoss, **options: Any) -> None:
        super().__init__(**options)
        self._objective, self._loss = objective, loss
        self._micro_batch_share, self._batch_loss = 1.0, 0.0
        self._lengths = [len(item["input_ids"]) for item in options["train_dataset"]]
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        rows = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps * process_count()
        return LengthGroupedSampler(self._lengths, batch_rows=rows, seed=self.args.seed)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        self._batch_loss = 0.0
        losses = []
        micro_batches = self._objective.micro_batches(inputs)
        for number, (micro_batch, self._micro_batch_share) in enumerate(micro_batches, 1):
            # Processes synchronise gradients once per step, whatever their numbers of micro-batches.
            with nullcontext() if number == len(micro_batches) else self.accelerator.no_sync(model):
                losses.append(super().training_step(model, micro_batch, num_items_in_batch))
        self._loss.add(self._batch_loss)
        return torch.stack(losses).sum()

    def compute_loss(  # type: ignore[override]  # transformers names arguments that are ignored here
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **_: Any
    ) -> Any:
        loss = self._objective(model, inputs) * self._micro_batch_share
        self._batch_loss += float(loss.detach())
        return (loss, {}) if return_outputs else loss


def _training_arguments(folder: Path, recipe: Recipe, *, seed: int) -> TrainingArguments:
    has_gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.rows_at_once(process_count()),
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
def _ignored_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # Raised within torch when the state of the scheduler is restored.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        yield
