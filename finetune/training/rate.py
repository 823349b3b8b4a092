"""A learning rate that is found: the range test (Smith 2017, arXiv 1506.01186).

The rate grows from step to step until the loss climbs. Where the smoothed loss is least, a step is already
as long as it can be; a schedule that starts at full rate needs a good deal less.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from finetune.methods.task import Task
from finetune.training.recipe import Recipe
from finetune.training.trainer import Item, Objective, collate, items

LOWEST, HIGHEST, STEPS = 1e-6, 1e-1, 100
"""The rates tried, one a step, evenly on a logarithmic scale: 20 a power of ten."""

SHARE = 0.08
"""Part of the budget that the search may take; it ends earlier where the loss climbs."""

DISTANCE = 4.0
"""The rate taken lies this far below the one of the least loss: see docs/finetune.md for how it was chosen."""

_SMOOTHING = 0.8
_CLIMBED = 1.5

Groups = Callable[[float], list[dict[str, Any]]]


@dataclass(frozen=True)
class Found:
    """The rate, why, and the curve: one entry a step, {"rate", "loss"}, the loss smoothed, in nats."""

    rate: float
    reason: str
    curve: list[dict[str, float]]

    def as_dict(self) -> dict[str, Any]:
        return {"chosen": self.rate, "reason": self.reason, "curve": self.curve}


def find_rate(model: nn.Module, groups: Groups, task: Task, recipe: Recipe, *, limit_s: float) -> Found:
    """Search on `model`, which is spent afterwards; `groups` gives the optimiser's groups for a rate.

    Takes `limit_s` seconds at most. The random state of torch stays as it is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.settings.seed)
        curve = _curve(model.train(), groups, task, recipe, ends_at=time.monotonic() + limit_s)
    return _chosen(curve)


def _curve(model: nn.Module, groups: Groups, task: Task, recipe: Recipe, *, ends_at: float) -> list[dict[str, float]]:
    optimizer = torch.optim.AdamW(groups(LOWEST), fused=True)
    objective = Objective.of(task, recipe)
    first = [group["lr"] for group in optimizer.param_groups]
    smoothed, least, curve = 0.0, math.inf, []
    for step, batch in enumerate(_shuffled_batches(task, recipe)):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        for group, lr in zip(optimizer.param_groups, first, strict=True):
            group["lr"] = lr * rate / LOWEST
        loss = _step(model, optimizer, objective, task, recipe, batch)
        smoothed = _SMOOTHING * smoothed + (1 - _SMOOTHING) * loss
        level = smoothed / (1 - _SMOOTHING ** (step + 1))
        curve.append({"rate": rate, "loss": round(level, 5)})
        least = min(least, level)
        if not math.isfinite(loss) or level > _CLIMBED * least + 0.1 or time.monotonic() > ends_at:
            break
        task.on_progress("Searching the learning rate", step / STEPS)
    return curve


def _shuffled_batches(task: Task, recipe: Recipe) -> list[list[Item]]:
    rows = items(task, task.train)
    size = recipe.batch_rows
    passes = math.ceil(STEPS * size / len(rows))
    order = np.random.default_rng(task.settings.seed).permutation(len(rows) * passes) % len(rows)
    return [[rows[index] for index in order[step * size : (step + 1) * size]] for step in range(STEPS)]


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    task: Task,
    recipe: Recipe,
    batch: list[Item],
) -> float:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        loss = objective(model, collate(task, batch))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def _chosen(curve: list[dict[str, float]]) -> Found:
    finite = [entry for entry in curve if math.isfinite(entry["loss"])]
    least = min(finite, key=lambda entry: entry["loss"])
    rate = float(f"{least['rate'] / DISTANCE:.2g}")
    return Found(
        rate,
        f"Over {len(curve)} steps the loss was least, {least['loss']:.2f}, at a rate of {least['rate']:.1e}; "
        f"a {DISTANCE:g}th of that is {rate:.1e}.",
        finite,
    )
