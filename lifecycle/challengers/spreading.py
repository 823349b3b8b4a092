"""Labels of given rows for unlabelled rows near them.

A label that is spread counts less than one given by a person, is recorded in the lineage, and never measures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Booleans, Indices, Numbers
from core.processes.blas import one_blas_thread
from lifecycle.unit_rows import unit_rows

LEAST_CHANCE = 0.5
"""Rows whose label is less likely right than this get none."""

DRAWS, MIN_KNOWN_ROWS, RIDGE = 5, 40, 1e-3


@dataclass(frozen=True)
class Labelled:
    """Embeddings (n, d) with label indices (n,)."""

    embeddings: Numbers
    truth: Indices


@dataclass(frozen=True)
class Spread:
    """`rows` (s,) of the unlabelled rows with their label `truth` (s,) and the `chance` (s,) of its being right, by
    which they count.
    """

    rows: Indices
    truth: Indices
    chance: Numbers


NONE = Spread(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))


@one_blas_thread()
def spread(given: Labelled, unlabelled: Numbers, known: Labelled, *, seed: int) -> Spread:
    """The label of the given row that is nearest by cosine, for the rows that more likely than not have it.

    How likely that is at a cosine is learned on the `known` rows, which no encoder was trained on: as many of them as
    there are given rows are drawn, and it is counted how often the others have the label of the nearest. So nothing
    is assumed about the encoder's cosines.
    """
    if not len(unlabelled) or not len(given.truth) or len(known.truth) < MIN_KNOWN_ROWS:
        return NONE
    slope, offset = _logistic(*_agreement(known, len(given.truth), np.random.default_rng(seed)))
    if slope <= 0:
        return NONE
    nearest, cosine = _nearest(unlabelled, given.embeddings)
    chance = _sigmoid(slope * cosine + offset)
    rows = np.flatnonzero(chance >= LEAST_CHANCE)
    return Spread(rows, given.truth[nearest[rows]], chance[rows])


def _agreement(known: Labelled, count: int, rng: np.random.Generator) -> tuple[Numbers, Booleans]:
    """Cosines of known rows to the nearest of `count` drawn ones, and whether both have the same label."""
    count, cosines, same = min(count, len(known.truth) // 2), [], []
    for _ in range(DRAWS):
        place = rng.permutation(len(known.truth))
        drawn, others = place[:count], place[count:]
        nearest, cosine = _nearest(known.embeddings[others], known.embeddings[drawn])
        cosines.append(cosine)
        same.append(known.truth[drawn][nearest] == known.truth[others])
    return np.concatenate(cosines), np.concatenate(same)


def _nearest(points: Numbers, others: Numbers) -> tuple[Indices, Numbers]:
    """For each point the other one with the greatest cosine, and that cosine."""
    cosines = unit_rows(points) @ unit_rows(others).T
    nearest = cosines.argmax(axis=1)
    return nearest, cosines[np.arange(len(points)), nearest].astype(np.float64)


def _logistic(values: Numbers, happened: Booleans) -> tuple[float, float]:
    """Slope and offset of a logistic regression on one variable, by Newton's method with a little ridge."""
    design = np.stack([values, np.ones_like(values)], axis=1)
    weights = np.zeros(2)
    for _ in range(30):
        chance = _sigmoid(design @ weights)
        gradient = design.T @ (happened - chance) - RIDGE * weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + RIDGE * np.eye(2)
        weights = weights + np.linalg.solve(curvature, gradient)
    return float(weights[0]), float(weights[1])


def _sigmoid(values: Numbers) -> Numbers:
    chance: Numbers = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return chance
