"""How fast this machine trains, measured on a few real batches."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from finetune.methods.task import Task
from finetune.training.recipe import Precision, Recipe
from finetune.training.trainer import Item, Objective, items

WORTH_IT = 1.15
"""How much faster another number format must be to be taken: it costs digits."""

_PLACES = (1 / 6, 1 / 2, 5 / 6)


def rows_per_s(model: nn.Module, task: Task, recipe: Recipe) -> float:
    """Training rows a second over the lengths that the rows have, as a step of the recipe computes them.

    Neither the model nor torch's random state changes.
    """
    probe = copy.deepcopy(model).train()
    objective = Objective.of(task, recipe)
    rows = seconds = 0.0
    with torch.random.fork_rng(devices=[]):
        for batch in _batches(task, recipe):
            _step(probe, objective, recipe, batch)  # the first of each shape prepares kernels
            started = time.monotonic()
            _step(probe, objective, recipe, batch)
            seconds += time.monotonic() - started
            rows += len(batch)
    return rows / seconds


def faster_precision(model: nn.Module, task: Task, recipe: Recipe) -> Precision:
    """bfloat16 where it is `WORTH_IT` on this machine, else float32."""
    exact, coarse = (rows_per_s(model, task, replace(recipe, precision=name)) for name in ("float32", "bfloat16"))
    return "bfloat16" if coarse >= WORTH_IT * exact else "float32"


def _step(probe: nn.Module, objective: Objective, recipe: Recipe, batch: list[Item]) -> None:
    loss = objective.of_rows(probe, batch, precision=recipe.precision)
    loss.backward()
    float(loss.detach())  # waits for a GPU


def _batches(task: Task, recipe: Recipe) -> Iterator[list[Item]]:
    """Batches of short, middling and long rows."""
    ordered = sorted(items(task, task.train), key=lambda item: len(item["input_ids"]))
    size = min(len(ordered), max(1, recipe.batch_rows // recipe.accumulate))
    for place in _PLACES:
        start = min(int(place * len(ordered)), len(ordered) - size)
        yield ordered[start : start + size]
