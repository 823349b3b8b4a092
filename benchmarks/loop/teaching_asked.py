"""The rows that the product asks for: at once, in groups, and in two requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.arrays import Indices
from core.config import LabelsConfig
from core.datasets import key_of
from core.records import Wanted
from lifecycle.labels.groups import grouped
from lifecycle.labels.queue import choose

if TYPE_CHECKING:
    from teaching import Split


def by_product(split: Split, budget: int) -> Indices:
    return _to_learn(_asked(split, budget))


def in_two_requests(split: Split, budget: int) -> Indices:
    """The second half is chosen when the first one has its labels."""
    first = _asked(split, budget // 2)
    ids = {row.prediction_id for row in first}
    labelled = {key_of(row.input) for row in split.predictions if row.id in ids}
    return _to_learn([*first, *_asked(split, budget // 2, labelled=labelled, seed=split.seed + 1)])


def in_groups(split: Split, budget: int) -> list[tuple[int, int]]:
    """The rows to learn from, each with the typical row of its group."""
    wanted = grouped(_asked(split, budget), split.predictions, answered=set(), reference=split.reference)
    return [(int(row.prediction_id), int(row.group or row.prediction_id)) for row in wanted if row.purpose == "learn"]


def answered_in_groups(split: Split, budget: int) -> Indices:
    """Without near rows of another label than their typical one: a person who reads them does not mark those."""
    truth = split.truth["fresh"]
    return np.array([row for row, typical in in_groups(split, budget) if truth[row] == truth[typical]])


def _asked(split: Split, budget: int, *, labelled: set[str] | None = None, seed: int | None = None) -> list[Wanted]:
    settings = LabelsConfig(budget=budget)
    return choose(
        split.predictions, labelled=labelled or set(), settings=settings, seed=split.seed if seed is None else seed
    )


def _to_learn(wanted: list[Wanted]) -> Indices:
    return np.array([int(row.prediction_id) for row in wanted if row.purpose == "learn"])
