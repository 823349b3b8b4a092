"""The recipe that a task gets where nothing else is asked for. docs/finetune.md tells what was tried."""

from __future__ import annotations

from finetune.methods.task import Task
from finetune.training.recipe import Recipe

LAYER_DECAY = {"full": 0.8, "layerwise": 0.65, "lora": 1.0}
WARM_UP = 0.1

# Passes over the rows shrink as their number grows: (up to so many rows, epochs, rows behind a step).
_SIZES = ((300, 20, 16), (1_000, 16, 32), (3_000, 10, 32), (30_000, 8, 64))
_LARGEST = (4, 64)


def default_recipe(task: Task, approach: str) -> Recipe:
    """What the settings say, and the defaults for the number of training rows; the rate is not yet known."""
    settings = task.settings
    epochs, batch_rows = next(((e, b) for rows, e, b in _SIZES if len(task.train.inputs) <= rows), _LARGEST)
    return Recipe(
        epochs=settings.epochs or epochs,
        batch_rows=settings.batch_rows or batch_rows,
        rate=0.0,
        layer_decay=LAYER_DECAY[approach],
        weight_decay=settings.weight_decay,
        warm_up=WARM_UP,
        dropout=settings.dropout,
        label_smoothing=settings.label_smoothing,
        consistency=settings.consistency,
        has_class_weights=settings.class_weights,
        accumulate=settings.accumulate,
        patience=settings.patience,
        precision="float32",
    )
