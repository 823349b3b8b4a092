"""Linear probing, then fine-tuning of every weight (Kumar et al. 2022, arXiv 2202.10054).

Starts from the head that `features` finds and keeps the best of all states, that start included:
it costs time, never validation accuracy.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    get_linear_schedule_with_warmup,
)

from finetune.encoder import embed
from finetune.methods.classifier import Classifier, parameter_groups, probed
from finetune.methods.features import fit_features
from finetune.methods.task import Fitted, Rows, Scored, Task, judged, score

BATCH_ROWS = 16
RATE, LAYER_DECAY, WEIGHT_DECAY, WARM_UP = 1e-4, 0.8, 0.01, 0.1
MAX_EPOCHS = 5
# Part of the time that is left which the epochs may plan to use; the rest is for judging them.
_PLANNED = 0.8

Item = dict[str, Any]


def fit_full(task: Task) -> Fitted:
    """The best state of probing and fine-tuning by validation accuracy, then log loss.

    With too little time for an epoch, part of one.
    """
    start = fit_features(task)
    return tune(task, start, epochs=max(1, affordable_epochs(task, start)))


def affordable_epochs(task: Task, start: Fitted) -> int:
    """Epochs that fit into the time left, from the speed of two steps here and now."""
    model = probed(task.encoder, start.head, start.scored.temperature)
    sample = _items(task, task.train)[: 2 * BATCH_ROWS]
    started = time.monotonic()
    for first in range(0, len(sample), BATCH_ROWS):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bfloat16()):
            loss = model(**_collate(task, sample[first : first + BATCH_ROWS]))["loss"]
        loss.backward()
    rows_per_s = len(sample) / (time.monotonic() - started)
    return planned_epochs(len(task.train.texts), rows_per_s, task.left_s)


def tune(task: Task, start: Fitted, *, epochs: int) -> Fitted:
    """Fine-tune from a head on frozen features for so many epochs, or until the time is up."""
    model = probed(task.encoder, start.head, start.scored.temperature)
    items = _items(task, task.train)
    keeper = _BestState(task, model, start.scored, epochs)
    _train(model, items, task, epochs=epochs, keeper=keeper)
    keeper.restore()
    return Fitted(
        method="full",
        reason=_reason(keeper, start.scored, rows=len(task.validation.texts)),
        encoder=model.encoder,
        head=model.head,
        scored=keeper.best,
        settings={
            **start.settings,
            "epochs": epochs,
            "batch_rows": BATCH_ROWS,
            "rate": RATE,
            "layer_decay": LAYER_DECAY,
            "weight_decay": WEIGHT_DECAY,
            "warm_up": WARM_UP,
        },
        history=[*start.history, *keeper.history],
    )


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself: a step then takes half the time, else several times as much."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def planned_epochs(rows: int, rows_per_s: float, left_s: float) -> int:
    """Whole epochs that fit into the time left, at most `MAX_EPOCHS`.

    >>> planned_epochs(1000, 80.0, 60.0), planned_epochs(1000, 80.0, 5.0)
    (3, 0)
    """
    return max(0, min(MAX_EPOCHS, math.floor(_PLANNED * left_s * rows_per_s / rows)))


def _items(task: Task, rows: Rows) -> list[Item]:
    ids = task.tokenizer.ids(rows.texts)
    return [{"input_ids": row, "label": int(label)} for row, label in zip(ids, rows.truth, strict=True)]


def _collate(task: Task, items: Sequence[Item]) -> dict[str, Tensor]:
    batch = task.tokenizer.batch([item["input_ids"] for item in items])
    return {**batch, "labels": torch.tensor([item["label"] for item in items])}


def _train(model: Classifier, items: list[Item], task: Task, *, epochs: int, keeper: _BestState) -> None:
    steps = epochs * math.ceil(len(items) / BATCH_ROWS)
    groups = parameter_groups(model, rate=RATE, layer_decay=LAYER_DECAY, weight_decay=WEIGHT_DECAY)
    optimizer = torch.optim.AdamW(groups)
    schedule = get_linear_schedule_with_warmup(optimizer, round(WARM_UP * steps), steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=_arguments(folder, epochs, task.seed),
            train_dataset=items,
            data_collator=lambda rows: _collate(task, rows),
            optimizers=(optimizer, schedule),
            callbacks=[keeper],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def _arguments(folder: str, epochs: int, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH_ROWS,
        train_sampling_strategy="group_by_length",
        max_grad_norm=1.0,
        seed=seed,
        use_cpu=True,
        bf16=has_bfloat16(),
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


class _BestState(TrainerCallback):
    """Judges every epoch on the validation rows and keeps the best weights, the start's included."""

    def __init__(self, task: Task, model: Classifier, start: Scored, epochs: int) -> None:
        self._task, self._model, self._epochs = task, model, epochs
        self._keep("start", start)
        self.history: list[dict[str, Any]] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._task.on_progress("Fine-tuning", state.global_step / state.max_steps)
        if self._task.left_s <= 0:
            control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        task = self._task
        head = self._model.head
        scored = score(head.logits(embed(self._model.encoder, task.tokenizer, task.validation.texts)), task.validation)
        self._model.train()
        epoch = round(state.epoch or 0.0, 2)
        kept = scored.beats(self.best)
        if kept:
            self._keep(f"epoch {epoch:g}", scored)
        self.history.append(judged("fine-tuning", scored, epoch=epoch, kept=kept))

    def _keep(self, name: str, scored: Scored) -> None:
        self.name, self.best = name, scored
        self._weights = {key: value.detach().clone() for key, value in self._model.state_dict().items()}

    def restore(self) -> None:
        self._model.load_state_dict(self._weights)
        self._model.eval()


def _reason(keeper: _BestState, start: Scored, *, rows: int) -> str:
    before, after = f"{start.calibrated.accuracy:.1%}", f"{keeper.best.calibrated.accuracy:.1%}"
    if keeper.name == "start":
        return f"Fine-tuning is no better than the head on frozen features: {before} of {rows} validation rows."
    return (
        f"Fine-tuning is right on {after} of {rows} validation rows, the head on frozen features on {before}; "
        f"{keeper.name} was best."
    )
