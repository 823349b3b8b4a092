"""The default recipe of a task; docs/decisions/0007-fine-tuning-recipe.md lists the experiments behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from finetune.task import Task
from finetune.training.approach import Approach
from finetune.training.recipe import Recipe

WARM_UP = 0.1


@dataclass(frozen=True)
class _RowCountDefaults:
    """Defaults for at most `rows` training rows. `consistency` doubles the time per row and helps most on few rows."""

    rows: float
    epochs: int
    batch_rows: int
    consistency: float


_BY_ROW_COUNT = (
    _RowCountDefaults(300, 20, 16, 4.0),
    _RowCountDefaults(1_000, 15, 32, 4.0),
    _RowCountDefaults(3_000, 8, 32, 4.0),
    _RowCountDefaults(30_000, 6, 64, 2.0),
    _RowCountDefaults(math.inf, 3, 64, 0.0),
)


def default_recipe(task: Task, approach: Approach) -> Recipe:
    """The settings, completed by defaults for the number of training rows; the learning rate is still 0."""
    settings = task.settings
    size = next(size for size in _BY_ROW_COUNT if len(task.train.inputs) <= size.rows)
    return Recipe(
        epochs=float(settings.epochs or size.epochs),
        batch_rows=settings.batch_rows or size.batch_rows,
        rate=0.0,
        layer_decay=approach.layer_decay,
        weight_decay=settings.weight_decay,
        warm_up=WARM_UP,
        dropout=settings.dropout,
        label_smoothing=settings.label_smoothing,
        consistency=size.consistency if settings.consistency is None else settings.consistency,
        has_class_weights=settings.class_weights,
        accumulate=settings.accumulate,
        patience=settings.patience,
        precision="float32",
    )
