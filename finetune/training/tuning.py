"""Fine-tuning from a head on frozen features, with any approach."""

from __future__ import annotations

from dataclasses import asdict, replace

from core.share import percent
from finetune.task import Fitted, Scored, Task, score
from finetune.training.approach import Approach
from finetune.training.classifier import Classifier
from finetune.training.interpolation import interpolate
from finetune.training.label_names import with_label_names
from finetune.training.planning import Plan, finishing_s, plan, prepared_copy, seconds_per_epoch
from finetune.training.recipe import Recipe
from finetune.training.trainer import Trained, train

MAX_RESTARTS = 2
RESTART_FACTOR = 0.25
"""The rate of a training that diverged is multiplied by this before a restart."""


def tune(task: Task, start: Fitted, approach: Approach) -> Fitted:
    """Fine-tune from `start`, a head on frozen features; the result is the best state, which may be the start.

    A training that diverges is restarted at a quarter of its rate. If a budget is too short for one epoch, a part of
    the epoch is trained.
    """
    rows = len(task.train.inputs)
    task = with_label_names(task)
    planned = plan(task, start, approach)
    recipe = planned.recipe
    baseline, restarts, history = _baseline(task, start), [], list(start.history)
    for attempt in range(MAX_RESTARTS + 1):
        model, trained = _attempt(task, start, baseline, approach, recipe, attempt)
        if trained.stopped_by != "divergence" or attempt == MAX_RESTARTS:
            break
        restarts.append({"rate": recipe.rate, "restarted_at": recipe.rate * RESTART_FACTOR})
        recipe = replace(recipe, rate=recipe.rate * RESTART_FACTOR)
        history += trained.best_state.history
    best_state = trained.best_state
    interpolate(best_state)
    best_state.restore()
    approach.finish(model)
    model.to("cpu")
    model.encoder.transformer.set_attn_implementation(task.encoder.transformer.config._attn_implementation)
    return Fitted(
        method=approach.name,
        reason=_reason(trained, baseline, restarts, task) + _cut(planned, trained),
        encoder=model.encoder,
        head=model.head,
        scored=best_state.kept.scored,
        settings={
            **start.settings,
            **asdict(recipe),
            "label_names": len(task.train.inputs) - rows,
            "restarts": restarts,
            "ended_by": trained.stopped_by or "plan",
            "planned_epochs": planned.full.epochs,
            "cut_by_budget": bool(_cut(planned, trained)),
            "kept": best_state.kept.name,
        },
        history=[*history, *best_state.history],
        learning_rate=planned.learning_rate,
    )


def _baseline(task: Task, start: Fitted) -> Scored:
    """Scores of the start with its logits divided by its temperature, as in the copy to train."""
    return score(start.scored.logits / start.scored.temperature, task)


def _attempt(
    task: Task, start: Fitted, baseline: Scored, approach: Approach, recipe: Recipe, number: int
) -> tuple[Classifier, Trained]:
    model = prepared_copy(task, start, approach, recipe)
    trained = train(
        model,
        task,
        recipe,
        name=f"{task.name_prefix}{approach.name}-{number}",
        start=baseline,
        reserve_s=finishing_s(task, recipe, seconds_per_epoch(task, start, approach)) if task.has_budget else 0.0,
        callbacks=approach.callbacks(model),
    )
    return model, trained


def _reason(trained: Trained, baseline: Scored, restarts: list[dict[str, float]], task: Task) -> str:
    kept = trained.best_state.kept
    metric, rows = kept.scored.metric.replace("_", " "), f"{len(task.validation.inputs)} validation rows"
    before, after = (percent(value) for value in (baseline.value, kept.scored.value))
    if kept.name == "start":
        reason = f"Fine-tuning is no better than the head on frozen features: {metric} {before} on {rows}."
    else:
        reason = (
            f"Fine-tuning reaches {metric} {after} on {rows}, the head on frozen features {before}; "
            f"{kept.name} was best."
        )
    for entry in restarts:
        reason += f" A rate of {entry['rate']:.1e} diverged; training restarted at {entry['restarted_at']:.1e}."
    return reason


def _cut(planned: Plan, trained: Trained) -> str:
    """What the budget cut, in sentences; empty if nothing."""
    recipe, full = planned.recipe, planned.full
    cut = ""
    if recipe.epochs < full.epochs:
        cut += f" The budget has room for {recipe.epochs:g} of {full.epochs:g} epochs."
    if recipe.consistency < full.consistency:
        cut += " It has no room for the consistency term."
    if trained.stopped_by == "budget":
        cut += " The budget ended it early."
    return cut
