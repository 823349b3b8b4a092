"""The plan of a training: precision, learning rate and epochs, from measurements on this machine."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch

from finetune.encoders.encoder import supports_bfloat16
from finetune.run_state.processes import training_device
from finetune.task import Fitted, Task
from finetune.training import speed
from finetune.training.approach import Approach
from finetune.training.classifier import Classifier, trainable_copy
from finetune.training.defaults import default_recipe
from finetune.training.rate import BUDGET_SHARE, find_rate
from finetune.training.recipe import Precision, Recipe

FEW_EPOCHS = 3
"""If the time allows fewer epochs with the consistency term, the term is dropped: it doubles the time per row."""

SEARCH_TEMPERATURE = 4.0
"""Divisor of the logits in the rate search; otherwise, the loss of a head that fits its rows could only rise."""

_PLANNED_SHARE = 0.95
"""Share of the time left that is planned for epochs and evaluations; the rest is a reserve for slow phases."""

_FINAL_EVALUATIONS = 4  # after the last step: three interpolated states and a sample of the training rows
_WRITING_S = 5.0


def plan(task: Task, start: Fitted, approach: Approach) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with precision, rate and epochs of this run, and the record of the rate search."""
    recipe = _with_precision(task, start, approach)
    recipe, found = _with_rate(task, start, approach, recipe)
    return _within_budget(task, recipe, seconds_per_epoch(task, start, approach)), found


def _within_budget(task: Task, recipe: Recipe, seconds: float) -> Recipe:
    """Limit the epochs to the time left; drop a default consistency term if the time allows few epochs with it."""
    evaluation_s = recipe.epochs * _evaluation_s(task, recipe, seconds) + finishing_s(task, recipe, seconds)
    left = task.plans.get_or_compute("seconds for epochs", lambda: _PLANNED_SHARE * task.left_s - evaluation_s)
    if recipe.consistency and left < FEW_EPOCHS * seconds and task.settings.consistency is None:
        recipe, seconds = replace(recipe, consistency=0.0), seconds / 2
    # Multiples of 0.1: whole epochs would leave up to a fifth of the budget unused.
    return replace(recipe, epochs=max(1.0, min(recipe.epochs, math.floor(10 * left / seconds) / 10)))


def _evaluation_s(task: Task, recipe: Recipe, seconds: float) -> float:
    """Upper bound for one evaluation on the validation rows: inference is not slower than training."""
    return len(task.validation.inputs) * seconds / (recipe.passes * len(task.train.inputs))


def finishing_s(task: Task, recipe: Recipe, seconds: float) -> float:
    """Seconds from the last step to the complete checkpoint."""
    return _FINAL_EVALUATIONS * _evaluation_s(task, recipe, seconds) + _WRITING_S


def seconds_per_epoch(task: Task, start: Fitted, approach: Approach) -> float:
    """Measured on a few steps on this machine, once per run."""
    recipe = _with_precision(task, start, approach)
    return task.plans.get_or_compute(
        f"{approach.name} seconds an epoch",
        lambda: speed.seconds_per_epoch(prepared_copy(task, start, approach, recipe), task, recipe),
    )


def _with_precision(task: Task, start: Fitted, approach: Approach) -> Recipe:
    recipe = default_recipe(task, approach)
    if task.settings.precision != "auto":
        return replace(recipe, precision=task.settings.precision)
    if not task.encoder.is_wide or not supports_bfloat16(task.encoder):
        return recipe
    faster: Precision = task.plans.get_or_compute(
        "precision", lambda: speed.faster_precision(prepared_copy(task, start, approach, recipe), task, recipe)
    )
    return replace(recipe, precision=faster)


def _with_rate(task: Task, start: Fitted, approach: Approach, recipe: Recipe) -> tuple[Recipe, dict[str, Any]]:
    if task.settings.lr != "auto":
        given = {"chosen": task.settings.lr, "reason": "It was given.", "curve": []}
        return replace(recipe, rate=task.settings.lr), given

    def search() -> dict[str, Any]:
        model = prepared_copy(task, start, approach, recipe, temperature_factor=SEARCH_TEMPERATURE)
        return find_rate(
            model,
            task,
            replace(recipe, consistency=0.0),
            rows_per_s=len(task.train.inputs) / seconds_per_epoch(task, start, approach),
            limit_s=BUDGET_SHARE * max(task.left_s, 0.0),
            default=approach.default_rate,
        ).as_dict()

    found = task.plans.get_or_compute(f"{approach.name} rate", search)
    return replace(recipe, rate=float(found["chosen"])), found


def prepared_copy(
    task: Task, start: Fitted, approach: Approach, recipe: Recipe, *, temperature_factor: float = 1.0
) -> Classifier:
    """A copy of the start, prepared for the approach; `temperature_factor` is an additional divisor of its logits."""
    torch.manual_seed(task.settings.seed)
    temperature = temperature_factor * start.scored.temperature
    model = trainable_copy(task.encoder, start.head, temperature, dropout=recipe.dropout)
    approach.prepare(model)
    return model.to(training_device())
