"""From a head on frozen features to a fine-tuned classifier, whichever weights an approach moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

import torch
from transformers import TrainerCallback

from finetune.encoder import supports_bfloat16
from finetune.label_names import with_label_names
from finetune.methods.task import Fitted, Scored, Task, score
from finetune.training.best_state import BestState
from finetune.training.classifier import Classifier, probed
from finetune.training.defaults import DEFAULT_RATE, default_recipe
from finetune.training.processes import training_device
from finetune.training.rate import SHARE, find_rate
from finetune.training.recipe import Precision, Recipe
from finetune.training.speed import faster_precision, rows_per_s
from finetune.training.trainer import train

_OTHER_STATES = 4  # judged after the last step: interpolated ones, and a sample of the training rows
_WRITING_S = 5.0
MAX_RESTARTS = 2
FEW_EPOCHS = 3
SOFTENED = 4.0
"""The rate is searched from a head that is this much less sure: one that knows its rows by heart can only get worse."""

RESTARTED_AT = 0.25
"""A training that diverges starts again at this part of its rate."""

_PLANNED = 0.94
"""Part of the time left that epochs and their judging may plan to use; the rest is for a slower minute."""


class Approach(Protocol):
    """Which weights of a copy are trained, and how far each of them."""

    name: str

    def prepare(self, model: Classifier) -> None:
        """Change the copy before it is trained."""

    def groups(self, model: Classifier, recipe: Recipe) -> list[dict[str, Any]]:
        """The optimiser's groups, each with its rate."""

    def callbacks(self, model: Classifier) -> Sequence[TrainerCallback]:
        """What else happens during the training."""

    def finish(self, model: Classifier) -> None:
        """Leave a plain encoder behind."""


def tune(task: Task, start: Fitted, approach: Approach) -> Fitted:
    """Fine-tune from a head on frozen features; the best state of all is kept, the start's included.

    It costs time, never validation rows. A training that diverges is stopped and started again at a quarter
    of its rate. With too little time for an epoch, part of one.
    """
    rows = len(task.train.inputs)
    task = with_label_names(task)
    recipe, learning_rate = plan(task, start, approach)
    begun, restarts, history = _begun(task, start), [], list(start.history)
    for attempt in range(MAX_RESTARTS + 1):
        model, keeper = _attempt(task, start, begun, approach, recipe, attempt)
        if keeper.ended_by != "divergence" or attempt == MAX_RESTARTS:
            break
        restarts.append({"rate": recipe.rate, "restarted_at": recipe.rate * RESTARTED_AT})
        recipe = replace(recipe, rate=recipe.rate * RESTARTED_AT)
        history += keeper.history
    keeper.interpolate()
    keeper.restore()
    approach.finish(model)
    model.to("cpu")
    model.encoder.transformer.set_attn_implementation(task.encoder.transformer.config._attn_implementation)
    return Fitted(
        method=approach.name,
        reason=_reason(keeper, begun, restarts, task),
        encoder=model.encoder,
        head=model.head,
        scored=keeper.best,
        settings={
            **start.settings,
            **asdict(recipe),
            "label_names": len(task.train.inputs) - rows,
            "restarts": restarts,
            "ended_by": keeper.ended_by or "plan",
            "kept": keeper.name,
        },
        history=[*history, *keeper.history],
        learning_rate=learning_rate,
    )


def plan(task: Task, start: Fitted, approach: Approach) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with precision, rate and epochs as decided for this run, and how the rate was found."""
    recipe = _measured_precision(task, start, approach)
    recipe, found = _with_rate(task, start, approach, recipe)
    return _within_budget(task, recipe, seconds_an_epoch(task, start, approach)), found


def _within_budget(task: Task, recipe: Recipe, seconds: float) -> Recipe:
    """As many epochs as the time left allows; where these are few, no row is computed twice unless it was asked for."""
    judging_s = recipe.epochs * _judging_s(task, recipe, seconds) + _ending_s(task, recipe, seconds)
    left = task.plans.decided("seconds for epochs", lambda: _PLANNED * task.left_s - judging_s)
    if recipe.consistency and left < FEW_EPOCHS * seconds and task.settings.consistency is None:
        recipe, seconds = replace(recipe, consistency=0.0), seconds / 2
    return replace(recipe, epochs=max(1, min(recipe.epochs, math.floor(left / seconds))))


def _judging_s(task: Task, recipe: Recipe, seconds: float) -> float:
    """For one state, from the seconds of an epoch: an answer takes no longer than a row in training."""
    return len(task.validation.inputs) * seconds / (recipe.passes * len(task.train.inputs))


def _ending_s(task: Task, recipe: Recipe, seconds: float) -> float:
    """From the last step to the complete checkpoint."""
    return _OTHER_STATES * _judging_s(task, recipe, seconds) + _WRITING_S


def seconds_an_epoch(task: Task, start: Fitted, approach: Approach) -> float:
    """From the speed of a few steps on this machine."""
    recipe = _measured_precision(task, start, approach)
    return task.plans.decided(
        f"{approach.name} seconds an epoch",
        lambda: len(task.train.inputs) / rows_per_s(_copy(task, start, approach, recipe), task, recipe),
    )


def _measured_precision(task: Task, start: Fitted, approach: Approach) -> Recipe:
    recipe = default_recipe(task, approach.name)
    if task.settings.precision != "auto":
        return replace(recipe, precision=task.settings.precision)
    if not task.encoder.is_wide or not supports_bfloat16(task.encoder):
        return recipe
    faster: Precision = task.plans.decided(
        "precision", lambda: faster_precision(_copy(task, start, approach, recipe), task, recipe)
    )
    return replace(recipe, precision=faster)


def _with_rate(task: Task, start: Fitted, approach: Approach, recipe: Recipe) -> tuple[Recipe, dict[str, Any]]:
    if task.settings.lr != "auto":
        given = {"chosen": task.settings.lr, "reason": "It was given.", "curve": []}
        return replace(recipe, rate=task.settings.lr), given

    def search() -> dict[str, Any]:
        model = _copy(task, start, approach, recipe, softened=SOFTENED)
        return find_rate(
            model,
            lambda rate: approach.groups(model, replace(recipe, rate=rate)),
            task,
            replace(recipe, consistency=0.0),
            rows_per_s=len(task.train.inputs) / seconds_an_epoch(task, start, approach),
            limit_s=SHARE * max(task.left_s, 0.0),
            default=DEFAULT_RATE[approach.name],
        ).as_dict()

    found = task.plans.decided(f"{approach.name} rate", search)
    return replace(recipe, rate=float(found["chosen"])), found


def _copy(task: Task, start: Fitted, approach: Approach, recipe: Recipe, *, softened: float = 1.0) -> Classifier:
    torch.manual_seed(task.settings.seed)
    model = probed(task.encoder, start.head, softened * start.scored.temperature, dropout=recipe.dropout)
    approach.prepare(model)
    return model.to(training_device())


def _begun(task: Task, start: Fitted) -> Scored:
    """The start as it is kept: its head rescaled, so that its temperature is another."""
    return score(start.scored.logits / start.scored.temperature, task)


def _attempt(
    task: Task, start: Fitted, begun: Scored, approach: Approach, recipe: Recipe, attempt: int
) -> tuple[Classifier, BestState]:
    model = _copy(task, start, approach, recipe)
    reserve_s = _ending_s(task, recipe, seconds_an_epoch(task, start, approach))
    keeper = BestState(task, model, begun, patience=recipe.patience, reserve_s=reserve_s)
    name = f"{task.part}{approach.name}-{attempt}"
    train(
        model,
        approach.groups(model, recipe),
        task,
        recipe,
        name=name,
        keeper=keeper,
        callbacks=approach.callbacks(model),
    )
    return model, keeper


def _reason(keeper: BestState, begun: Scored, restarts: list[dict[str, float]], task: Task) -> str:
    metric, rows = keeper.best.metric.replace("_", " "), f"{len(task.validation.inputs)} validation rows"
    before, after = (f"{value:.1%}" for value in (begun.value, keeper.best.value))
    if keeper.name == "start":
        said = f"Fine-tuning is no better than the head on frozen features: {metric} {before} on {rows}."
    else:
        said = (
            f"Fine-tuning reaches {metric} {after} on {rows}, the head on frozen features {before}; "
            f"{keeper.name} was best."
        )
    for entry in restarts:
        said += f" A rate of {entry['rate']:.1e} diverged; it was started again at {entry['restarted_at']:.1e}."
    return said + (" The budget ended it early." if keeper.ended_by == "budget" else "")
