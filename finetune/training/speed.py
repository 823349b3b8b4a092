"""The work of an epoch in tokens, and its time on this machine, measured on a few real batches."""

from __future__ import annotations

import copy
import time

import torch
from torch import nn

from finetune.run_state.processes import forked_rng, process_count
from finetune.task import Task
from finetune.training.objective import Item, Objective, encoded_rows
from finetune.training.recipe import Recipe
from finetune.training.sampler import LengthGroupedSampler

_LENGTH_QUANTILES = (1 / 6, 1 / 2, 5 / 6)


def seconds_per_epoch(model: nn.Module, task: Task, recipe: Recipe) -> float:
    """Timed on a short, a medium and a long batch, and scaled by the padded tokens of all batches of an epoch.

    The model and the random state of torch do not change.
    """
    copied = copy.deepcopy(model).train()
    objective = Objective.of(task, recipe)
    trained = [parameter for parameter in copied.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.0, fused=True)
    batches = sorted(_batches(task, recipe), key=_padded_tokens)
    tokens, seconds = 0, 0.0
    with forked_rng():
        for place in _LENGTH_QUANTILES:
            batch = batches[int(place * len(batches))]
            objective.step(copied, optimizer, batch)  # warm-up: the first step of a shape prepares kernels
            started = time.monotonic()
            objective.step(copied, optimizer, batch)
            seconds += time.monotonic() - started
            tokens += _padded_tokens(batch)
    return seconds / tokens * sum(map(_padded_tokens, batches)) / process_count()


def tokens_per_epoch(task: Task, recipe: Recipe) -> int:
    """Padded tokens of all batches of an epoch, over all passes."""
    return recipe.passes * sum(map(_padded_tokens, _batches(task, recipe)))


def _batches(task: Task, recipe: Recipe) -> list[list[Item]]:
    """The batches of an epoch, of the size that one process gets."""
    rows = encoded_rows(task, task.train)
    order = list(LengthGroupedSampler([len(row["input_ids"]) for row in rows], batch_rows=recipe.batch_rows, seed=0))
    size = recipe.rows_at_once(process_count())
    return [[rows[index] for index in order[start : start + size]] for start in range(0, len(order), size)]


def _padded_tokens(batch: list[Item]) -> int:
    return len(batch) * max(len(item["input_ids"]) for item in batch)
