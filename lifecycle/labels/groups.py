"""Texts that are asked for together: a typical one, and near ones that mean the same to the champion's encoder.

A person who sees them answers them at once; each label is the person's own, none is spread.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from core.arrays import Numbers
from core.features import Features
from core.processes.blas import one_blas_thread
from core.records import LabelRequest, PredictionRecord, Wanted
from lifecycle.labels.queue import askable
from lifecycle.unit_rows import unit_rows

MOST_NEAR = 3
"""Near texts of a group beside its typical one."""

SAME_LABEL, LEAST_COSINE = 0.9, 0.8
"""Of the reference's pairs that are as near as the texts of a group, this share has one label; where texts far apart
reach it, the cosine decides. So 96 % of a group's texts have the label of the typical one (benchmarks/loop/README.md).
"""

MIN_PAIRS, MAX_ROWS = 40, 2000
"""Pairs of the reference without which it shows nothing; rows of it that are looked at, for memory."""


def grouped(
    wanted: Sequence[Wanted], window: Sequence[PredictionRecord], *, answered: Collection[str], reference: Features
) -> list[Wanted]:
    """`wanted`, each text to learn from followed by its near ones, nearest first, which are in one group with it.

    Near ones are texts of the window that may be trained on, are not wanted themselves and have no answer: their keys
    (`core.datasets.key_of`) are not in `answered`. Rows that measure stay alone. There are no groups of texts with
    several labels, and none if the reference has too few labelled pairs that are near each other.
    """
    least = same_label_cosine(reference)
    asked = {one.prediction_id for one in wanted}
    _, trainable = askable(window, answered)
    typical = [row for row in trainable if row.id in {one.prediction_id for one in wanted if one.purpose == "learn"}]
    others = [row for row in trainable if row.id not in asked]
    if least is None or not typical or not others:
        return list(wanted)
    near = _near(typical, others, least)
    found = []
    for one in wanted:
        group = one.prediction_id if one.prediction_id in near else None
        found += [Wanted(one.prediction_id, one.purpose, one.chance, group)]
        found += [Wanted(key, one.purpose, group=group) for key in near.get(one.prediction_id, ())]
    return found


@one_blas_thread()
def same_label_cosine(reference: Features, *, seed: int = 0) -> float | None:
    """The least cosine at which texts mean the same: of the pairs of labelled reference rows that are so near, a share
    of `SAME_LABEL` has one label. The encoder was not trained on these rows. None if they cannot show it.
    """
    rows = np.flatnonzero(reference.known)
    if reference.truth.ndim == 2 or len(rows) < 2:
        return None
    rows = np.random.default_rng(seed).permutation(rows)[:MAX_ROWS]
    points, truth = unit_rows(reference.embeddings[rows]), reference.truth[rows]
    cosines = np.triu(points @ points.T, k=1)
    first, second = np.nonzero(cosines >= LEAST_COSINE)
    near = cosines[first, second]
    order = np.argsort(-near, kind="stable")
    share = np.cumsum((truth[first] == truth[second])[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= SAME_LABEL)
    if not len(enough) or enough[-1] + 1 < MIN_PAIRS:
        return None
    # With all of the pairs the floor itself holds.
    return LEAST_COSINE if enough[-1] + 1 == len(order) else float(near[order[enough[-1]]])


def cost(requests: Sequence[LabelRequest]) -> str:
    """The texts that are asked for, and the answers which that takes."""
    return in_words(sum(not item.is_near for item in requests), len(requests))


def in_words(answers: int, texts: int) -> str:
    """
    >>> in_words(12, 31), in_words(1, 1)
    ('12 answers for 31 texts', '1 answer for 1 text')
    """
    return f"{answers} answer{'s' * (answers != 1)} for {texts} text{'s' * (texts != 1)}"


@one_blas_thread()
def _near(
    typical: Sequence[PredictionRecord], others: Sequence[PredictionRecord], least: float
) -> dict[str, list[str]]:
    """Ids of the near texts of each typical prediction that has some; a text is near the nearest one only."""
    cosines = unit_rows(_points(others)) @ unit_rows(_points(typical)).T
    nearest, cosine = cosines.argmax(axis=1), cosines.max(axis=1)
    found: dict[str, list[str]] = {}
    for row in np.argsort(-cosine, kind="stable"):
        if cosine[row] < least:
            break
        group = found.setdefault(typical[nearest[row]].id, [])
        if len(group) < MOST_NEAR:
            group.append(others[row].id)
    return found


def _points(rows: Sequence[PredictionRecord]) -> Numbers:
    return np.stack([row.embedding for row in rows]).astype(np.float32)
