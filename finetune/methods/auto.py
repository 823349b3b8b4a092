"""A head on frozen features, then full fine-tuning if a budget has room for it; the better classifier is kept."""

from __future__ import annotations

from dataclasses import replace

from finetune.methods.features import fit_features
from finetune.methods.full import Full
from finetune.task import Fitted, Task
from finetune.training.planning import seconds_per_epoch
from finetune.training.tuning import tune

# After the first epoch, accuracy is usually still below the accuracy of the head.
MIN_EPOCHS = 2


def fit_auto(task: Task) -> Fitted:
    """The result of `features`, or of `full` if it is better on the validation rows."""
    start = fit_features(task)
    if task.has_budget and (needed_s := MIN_EPOCHS * seconds_per_epoch(task, start, Full())) > task.left_s:
        missing = f"{MIN_EPOCHS} epochs of fine-tuning take about {needed_s:.0f} s more"
        return replace(
            start,
            reason=f"{start.reason} The budget ends here: {missing}.",
            settings={**start.settings, "cut_by_budget": True},
        )
    tuned = tune(task, start, Full())
    if tuned.settings["kept"] == "start":
        return replace(start, reason=tuned.reason, history=tuned.history, learning_rate=tuned.learning_rate)
    return tuned
