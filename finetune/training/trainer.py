"""One training on Hugging Face's `Trainer`: from a start to its best state."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from finetune.run_state.processes import process_count
from finetune.task import Task
from finetune.training.best_state import BestState
from finetune.training.classifier import Classifier, parameter_groups
from finetune.training.objective import Objective, collate, items
from finetune.training.recipe import Recipe
from finetune.training.sampler import ByLength
from finetune.training.schedule import schedule


def train(
    model: Classifier,
    task: Task,
    recipe: Recipe,
    *,
    name: str,
    keeper: BestState,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Train `model` by the recipe until its end, or until `keeper` ends it; goes on with a saved state if there is one.

    `name` tells this training from others of the same run.
    """
    optimizer = torch.optim.AdamW(parameter_groups(model, recipe), fused=True)
    steps = recipe.steps(len(task.train.inputs))
    shape = schedule(steps, warm_up=recipe.warm_up, time_share=lambda: keeper.time_share)
    trainer = _Trainer(
        objective=Objective.of(task, recipe),
        keeper=keeper,
        model=model,
        args=_arguments(task.run_folder.states(name), recipe, seed=task.settings.seed),
        train_dataset=items(task, task.train),
        data_collator=lambda rows: collate(task, rows),
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, shape)),
        callbacks=[keeper, *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    state = task.run_folder.last_state(name)
    if state is not None:
        keeper.recall(state)
    with _known_warnings():
        trainer.train(resume_from_checkpoint=None if state is None else str(state))


class _Trainer(Trainer):
    """Computes our loss part by part, and tells it to whoever judges the training."""

    def __init__(self, *, objective: Objective, keeper: BestState, **options: Any) -> None:
        super().__init__(**options)
        self._objective, self._keeper = objective, keeper
        self._share, self._heard = 1.0, 0.0
        self._lengths = [len(item["input_ids"]) for item in options["train_dataset"]]
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        rows = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps * process_count()
        return ByLength(self._lengths, batch_rows=rows, seed=self.args.seed)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        self._heard = 0.0
        losses = []
        parts = self._objective.parts(inputs)
        for number, (part, self._share) in enumerate(parts, 1):
            # Processes exchange gradients once a step, however many parts each of them has.
            with nullcontext() if number == len(parts) else self.accelerator.no_sync(model):
                losses.append(super().training_step(model, part, num_items_in_batch))
        self._keeper.hear_loss(self._heard)
        return torch.stack(losses).sum()

    def compute_loss(  # type: ignore[override]  # theirs names arguments that we ignore
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **_: Any
    ) -> Any:
        loss = self._objective(model, inputs) * self._share
        self._heard += float(loss.detach())
        return (loss, {}) if return_outputs else loss


def _arguments(folder: Path, recipe: Recipe, *, seed: int) -> TrainingArguments:
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
def _known_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # Raised by torch itself while a sampler's or a scheduler's state is restored.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        yield
