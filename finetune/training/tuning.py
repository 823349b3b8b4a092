"""From a head on frozen features to a fine-tuned classifier, whichever weights an approach moves."""

from __future__ import annotations

from dataclasses import asdict, replace

from finetune.task import Fitted, Scored, Task, score
from finetune.training.approach import Approach
from finetune.training.best_state import BestState
from finetune.training.classifier import Classifier
from finetune.training.label_names import with_label_names
from finetune.training.planning import copy_to_train, ending_s, plan, seconds_an_epoch
from finetune.training.recipe import Recipe
from finetune.training.trainer import train

MAX_RESTARTS = 2
RESTARTED_AT = 0.25
"""A training that diverges starts again at this part of its rate."""


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


def _begun(task: Task, start: Fitted) -> Scored:
    """The start as it is kept: its head rescaled, so that its temperature is another."""
    return score(start.scored.logits / start.scored.temperature, task)


def _attempt(
    task: Task, start: Fitted, begun: Scored, approach: Approach, recipe: Recipe, attempt: int
) -> tuple[Classifier, BestState]:
    model = copy_to_train(task, start, approach, recipe)
    reserve_s = ending_s(task, recipe, seconds_an_epoch(task, start, approach))
    keeper = BestState(task, model, begun, patience=recipe.patience, reserve_s=reserve_s)
    name = f"{task.part}{approach.name}-{attempt}"
    train(
        model,
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
