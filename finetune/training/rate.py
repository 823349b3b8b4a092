"""Learning rate search: the range test (Smith 2017, arXiv 1506.01186).

The rate grows from step to step until the loss rises. The rate where the smoothed loss stops falling is the maximum for
a few steps; a whole training needs a lower rate.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any

import torch

from core.share import percent
from finetune.run_state.processes import forked_rng
from finetune.task import Task
from finetune.training.classifier import Classifier, parameter_groups
from finetune.training.objective import Item, Objective, encoded_rows
from finetune.training.recipe import Recipe
from finetune.training.sampler import LengthGroupedSampler

MIN_RATE, MAX_RATE = 3e-6, 1e-1
MAX_STEPS, MIN_STEPS = 90, 30
"""One rate is tried per step, evenly on a logarithmic scale: 20 per power of ten, or 7 if the training is short."""

SHARE = 0.06
"""Share of the forward passes of the training that the search may add; it ends earlier if the loss rises."""

MAX_BUDGET_SHARE = 0.12
"""Share of the remaining budget after which the search is given up."""

FALL_SHARE = 0.9
"""The loss has stopped falling after this share of its total fall. The position of the exact minimum varies, because
the curve is flat there: two searches on banking77 found it at 2e-3 and at 5e-3."""

SAFETY_FACTOR = 3.0
"""The rate found is divided by this: a whole training needs a lower rate than a few steps."""

MAX_TIMES_DEFAULT = 2.0
"""Upper limit of the rate, in multiples of the method's default. On few rows, which the head fits exactly, the search
finds rates that are too high: on banking77 with 10 rows per label it found 2.5e-3, and the accuracy was 83.6 %, against
86.1 % at 5e-4 and 86.5 % at 8e-4."""

_SMOOTHING = 0.8
_STOP_RATIO = 1.5


@dataclass(frozen=True)
class RateSearch:
    """The rate, the reason in one sentence, and the curve: {"rate", "loss"} per step, the loss smoothed, in nats."""

    rate: float
    reason: str
    curve: list[dict[str, float]]

    def as_dict(self) -> dict[str, Any]:
        return {"chosen": self.rate, "reason": self.reason, "curve": self.curve}


def find_rate(model: Classifier, task: Task, recipe: Recipe, *, default: float) -> RateSearch:
    """Search by training `model`, which cannot be used afterwards; the rate of `recipe` is ignored.

    Returns the rate `default` if the budget ends the search. The random state of torch does not change.
    """
    planned = recipe.passes * recipe.steps(len(task.train.inputs))
    with forked_rng():
        torch.manual_seed(task.settings.seed)
        once = replace(recipe, consistency=0.0)
        curve = _run_search(model.train(), task, once, steps=min(MAX_STEPS, max(MIN_STEPS, int(SHARE * planned))))
    if curve is None:
        return RateSearch(default, f"The budget ended the search; {default:.1e} is the method's default.", [])
    return _choose(curve, default)


def _run_search(model: Classifier, task: Task, recipe: Recipe, *, steps: int) -> list[dict[str, float]] | None:
    """The curve; None if the budget ended the search."""
    enough_s = (1 - MAX_BUDGET_SHARE) * task.left_s
    optimizer = torch.optim.AdamW(parameter_groups(model, replace(recipe, rate=MIN_RATE)), fused=True)
    objective = Objective.of(task, recipe)
    first = [group["lr"] for group in optimizer.param_groups]
    smoothed, least, curve = 0.0, math.inf, []
    for step, batch in enumerate(_shuffled_batches(task, recipe, steps)):
        rate = MIN_RATE * (MAX_RATE / MIN_RATE) ** (step / (steps - 1))
        for group, lr in zip(optimizer.param_groups, first, strict=True):
            group["lr"] = lr * rate / MIN_RATE
        loss = objective.step(model, optimizer, batch)
        smoothed = _SMOOTHING * smoothed + (1 - _SMOOTHING) * loss
        level = smoothed / (1 - _SMOOTHING ** (step + 1))
        curve.append({"rate": rate, "loss": round(level, 5)})
        least = min(least, level)
        if not math.isfinite(loss) or level > _STOP_RATIO * least + 0.1:
            break
        if task.left_s < enough_s:
            return None
        task.on_progress("Searching the learning rate", step / steps)
    return curve


def _shuffled_batches(task: Task, recipe: Recipe, steps: int) -> list[list[Item]]:
    rows = encoded_rows(task, task.train)
    lengths = [len(row["input_ids"]) for row in rows]
    sampler = LengthGroupedSampler(lengths, batch_rows=recipe.batch_rows, seed=task.settings.seed)
    batches: list[list[Item]] = []
    while len(batches) < steps:
        sampler.set_epoch(len(batches))
        order = list(sampler)
        # The batches, each of similar lengths, are shuffled: else the loss would follow the text length.
        parts = [order[start : start + recipe.batch_rows] for start in range(0, len(order), recipe.batch_rows)]
        batches += [[rows[index] for index in part] for part in parts]
    random.Random(task.settings.seed).shuffle(batches)
    return batches[:steps]


def _choose(curve: list[dict[str, float]], default: float) -> RateSearch:
    finite = [entry for entry in curve if math.isfinite(entry["loss"])]
    least = min(finite, key=lambda entry: entry["loss"], default=None)
    if least is None or least is finite[-1] or finite.index(least) < max(1, len(finite) // 10):
        reason = f"The loss did not fall and rise again; {default:.1e} is the method's default."
        return RateSearch(default, reason, finite)
    highest = max(entry["loss"] for entry in finite[: finite.index(least)])
    fallen = highest - FALL_SHARE * (highest - least["loss"])
    stop = next(entry for entry in finite if entry["loss"] <= fallen)
    rate = float(f"{min(stop['rate'] / SAFETY_FACTOR, MAX_TIMES_DEFAULT * default):.2g}")
    reason = (
        f"Over {len(curve)} steps the loss fell from {highest:.2f} to {least['loss']:.2f}, {percent(FALL_SHARE, 0)} of "
        f"that by a rate of {stop['rate']:.1e}; {rate:.1e} is "
    )
    if stop["rate"] / SAFETY_FACTOR > MAX_TIMES_DEFAULT * default:
        return RateSearch(
            rate, f"{reason}{MAX_TIMES_DEFAULT:g} times the method's default, which is the upper limit.", finite
        )
    return RateSearch(rate, f"{reason}1/{SAFETY_FACTOR:g} of it.", finite)
