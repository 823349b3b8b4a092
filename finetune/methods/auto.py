"""Features first, then fine-tuning if the time allows; what validates better is kept."""

from __future__ import annotations

from dataclasses import replace

from finetune.methods.features import fit_features
from finetune.methods.full import affordable_epochs, tune
from finetune.methods.task import Fitted, Task

# One epoch first loses what the head had; less than two are wasted time.
LEAST_EPOCHS = 2


def fit_auto(task: Task) -> Fitted:
    """`features`, or `full` where it validates better within the budget; the reason gives the numbers."""
    start = fit_features(task)
    epochs = affordable_epochs(task, start)
    if epochs < LEAST_EPOCHS:
        return replace(start, reason=f"{start.reason} The budget has no room for {LEAST_EPOCHS} epochs of fine-tuning.")
    tuned = tune(task, start, epochs=epochs)
    if not tuned.scored.beats(start.scored):
        return replace(start, reason=tuned.reason, history=tuned.history)
    return tuned
