"""The plan of a training: precision, epochs and learning rate, by rows and tokens; a budget may cut it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch

from finetune.run_state.processes import training_device
from finetune.task import Fitted, Task
from finetune.training import speed
from finetune.training.approach import Approach
from finetune.training.classifier import Classifier, trainable_copy
from finetune.training.defaults import default_recipe
from finetune.training.precision import precision_of
from finetune.training.rate import find_rate
from finetune.training.recipe import Recipe

PLANNED_TOKENS = 3_000_000
"""Upper limit of the padded tokens of a training without given epochs, over all passes, of at least one epoch: 20 to 30
minutes of all-MiniLM-L6-v2 on two cores."""

FEW_EPOCHS = 3
"""If there is room for fewer epochs with the consistency term, the term is dropped: it doubles the work per row."""

SEARCH_TEMPERATURE = 4.0
"""Divisor of the logits in the rate search; otherwise, the loss of a head that fits its rows could only rise."""

_BUDGETED_SHARE = 0.95
"""Share of the time left that is planned for epochs and evaluations; the rest is a reserve for slow phases."""

_FINAL_EVALUATIONS = 4  # after the last step: three interpolated states and a sample of the training rows
_WRITING_S = 5.0


@dataclass(frozen=True)
class Plan:
    """`learning_rate` is the record of the rate search. `full` is the recipe without a budget."""

    recipe: Recipe
    learning_rate: dict[str, Any]
    full: Recipe


def plan(task: Task, start: Fitted, approach: Approach) -> Plan:
    """The same rows, settings, seed and kind of processor give the same plan if there is no budget."""
    recipe = with_precision(task, approach)
    recipe = recipe if task.settings.epochs else within_tokens(task, recipe)
    recipe, found = _with_rate(task, start, approach, recipe)
    return Plan(_within_budget(task, start, approach, recipe), found, recipe)


def within_tokens(task: Task, recipe: Recipe) -> Recipe:
    """At most so many epochs as `PLANNED_TOKENS` allow."""
    return _limited(task, recipe, PLANNED_TOKENS / speed.tokens_per_epoch(task, recipe))


def _within_budget(task: Task, start: Fitted, approach: Approach, recipe: Recipe) -> Recipe:
    if not task.has_budget:
        return recipe
    seconds = seconds_per_epoch(task, start, approach)
    evaluation_s = recipe.epochs * _evaluation_s(task, recipe, seconds) + finishing_s(task, recipe, seconds)
    left_s = task.plans.get_or_compute("seconds for epochs", lambda: _BUDGETED_SHARE * task.left_s - evaluation_s)
    return _limited(task, recipe, left_s / seconds)


def _limited(task: Task, recipe: Recipe, epochs: float) -> Recipe:
    """At most so many epochs; twice as many without a default consistency term if there would be few with it."""
    if recipe.consistency and epochs < min(FEW_EPOCHS, recipe.epochs) and task.settings.consistency is None:
        recipe, epochs = replace(recipe, consistency=0.0), 2 * epochs
    # Multiples of 0.1: whole epochs would leave up to a fifth of the budget unused.
    return replace(recipe, epochs=max(1.0, min(recipe.epochs, math.floor(10 * epochs) / 10)))


def _evaluation_s(task: Task, recipe: Recipe, seconds: float) -> float:
    """Upper bound for one evaluation on the validation rows: inference is not slower than training."""
    return len(task.validation.inputs) * seconds / (recipe.passes * len(task.train.inputs))


def finishing_s(task: Task, recipe: Recipe, seconds: float) -> float:
    """Seconds from the last step to the complete checkpoint."""
    return _FINAL_EVALUATIONS * _evaluation_s(task, recipe, seconds) + _WRITING_S


def seconds_per_epoch(task: Task, start: Fitted, approach: Approach) -> float:
    """Measured on a few steps on this machine, once per run."""
    recipe = with_precision(task, approach)
    return task.plans.get_or_compute(
        f"{approach.name} seconds an epoch",
        lambda: speed.seconds_per_epoch(prepared_copy(task, start, approach, recipe), task, recipe),
    )


def with_precision(task: Task, approach: Approach) -> Recipe:
    """The default recipe, with its precision and without its rate."""
    given = task.settings.precision
    return replace(default_recipe(task, approach), precision=precision_of(task.encoder) if given == "auto" else given)


def _with_rate(task: Task, start: Fitted, approach: Approach, recipe: Recipe) -> tuple[Recipe, dict[str, Any]]:
    if task.settings.lr != "auto":
        given = {"chosen": task.settings.lr, "reason": "It was given.", "curve": []}
        return replace(recipe, rate=task.settings.lr), given

    def search() -> dict[str, Any]:
        model = prepared_copy(task, start, approach, recipe, temperature_factor=SEARCH_TEMPERATURE)
        return find_rate(model, task, recipe, default=approach.default_rate).as_dict()

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
