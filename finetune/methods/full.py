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
    TrainingArguments,
    get_linear_schedule_with_warmup,
)

from finetune.encoder import Encoder
from finetune.methods.best_state import BestState
from finetune.methods.classifier import Classifier, parameter_groups, probed
from finetune.methods.features import fit_features
from finetune.methods.task import Fitted, Rows, Scored, Task, score

BATCH_ROWS = 16
# Tried on the tickets example, one run each on 220 reference rows: rate 1e-4 (five epochs) 87.7 %, 2e-4 90.5 %
# and with another seed 88.6 %, 3e-4 88.2 %, 4e-4 88.6 %; decay 0.9 88.2 %. So 2e-4 is usable, not proven best.
RATE, LAYER_DECAY, WEIGHT_DECAY, WARM_UP = 2e-4, 0.8, 0.01, 0.1
MAX_EPOCHS = 4
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
    """Epochs that fit into the time left, from the speed of one step here and now."""
    model = probed(task.encoder, start.head, start.scored.temperature)
    batch = _collate(task, _items(task, task.train)[:BATCH_ROWS])
    _throwaway_step(model, batch, bfloat16=uses_bfloat16(task.encoder))  # the first one prepares kernels
    started = time.monotonic()
    _throwaway_step(model, batch, bfloat16=uses_bfloat16(task.encoder))
    rows_per_s = len(batch["labels"]) / (time.monotonic() - started)
    return planned_epochs(len(task.train.inputs), rows_per_s, task.left_s)


def _throwaway_step(model: Classifier, batch: dict[str, Tensor], *, bfloat16: bool) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        loss = model(**batch)["loss"]
    loss.backward()


def tune(task: Task, start: Fitted, *, epochs: int) -> Fitted:
    """Fine-tune from a head on frozen features for so many epochs, or until the time is up."""
    model = probed(task.encoder, start.head, start.scored.temperature)
    items = _items(task, task.train)
    # The head was rescaled: its own logits and temperature are what the kept start has.
    begun = score(model.head.logits(task.validation.embeddings), task.validation)
    keeper = BestState(task, model, begun)
    _train(model, items, task, epochs=epochs, keeper=keeper)
    keeper.restore()
    return Fitted(
        method="full",
        reason=_reason(keeper, begun, rows=len(task.validation.inputs)),
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
            "bfloat16": uses_bfloat16(task.encoder),
        },
        history=[*start.history, *keeper.history],
    )


def uses_bfloat16(encoder: Encoder) -> bool:
    """Whether steps are computed in bfloat16, which halves their time where the CPU multiplies it itself."""
    able = torch.cpu.get_capabilities()
    return encoder.is_wide and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def planned_epochs(rows: int, rows_per_s: float, left_s: float) -> int:
    """Whole epochs that fit into the time left, at most `MAX_EPOCHS`.

    >>> planned_epochs(1000, 80.0, 60.0), planned_epochs(1000, 80.0, 5.0)
    (3, 0)
    """
    return max(0, min(MAX_EPOCHS, math.floor(_PLANNED * left_s * rows_per_s / rows)))


def _items(task: Task, rows: Rows) -> list[Item]:
    tokens = task.tokenizer.encode(rows.inputs)
    return [
        {"input_ids": row.ids, "tokens": row, "label": int(label)}
        for row, label in zip(tokens, rows.truth, strict=True)
    ]


def _collate(task: Task, items: Sequence[Item]) -> dict[str, Tensor]:
    batch = task.tokenizer.batch([item["tokens"] for item in items])
    return {**batch, "labels": torch.tensor([item["label"] for item in items])}


def _train(model: Classifier, items: list[Item], task: Task, *, epochs: int, keeper: BestState) -> None:
    steps = epochs * math.ceil(len(items) / BATCH_ROWS)
    groups = parameter_groups(model, rate=RATE, layer_decay=LAYER_DECAY, weight_decay=WEIGHT_DECAY)
    optimizer = torch.optim.AdamW(groups)
    schedule = get_linear_schedule_with_warmup(optimizer, round(WARM_UP * steps), steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=_arguments(folder, epochs=epochs, seed=task.seed, bfloat16=uses_bfloat16(task.encoder)),
            train_dataset=items,
            data_collator=lambda rows: _collate(task, rows),
            optimizers=(optimizer, schedule),
            callbacks=[keeper],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def _arguments(folder: str, *, epochs: int, seed: int, bfloat16: bool) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH_ROWS,
        train_sampling_strategy="group_by_length",
        max_grad_norm=1.0,
        seed=seed,
        use_cpu=True,
        bf16=bfloat16,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def _reason(keeper: BestState, start: Scored, *, rows: int) -> str:
    before, after = f"{start.calibrated.accuracy:.1%}", f"{keeper.best.calibrated.accuracy:.1%}"
    if keeper.name == "start":
        return f"Fine-tuning is no better than the head on frozen features: {before} of {rows} validation rows."
    return (
        f"Fine-tuning is right on {after} of {rows} validation rows, the head on frozen features on {before}; "
        f"{keeper.name} was best."
    )
