"""Selects the predictions to label: some to measure accuracy, the others to train on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.config import LabelsConfig
from core.datasets import key_of
from core.records import PredictionRecord, Wanted
from lifecycle.labels.pools import pools_of

NO_TEXTS = (
    "There is nothing to label, because the ledger keeps no texts (ledger.keep is 'features'). "
    "Labels can still be sent with POST /feedback."
)


def choose(
    window: Sequence[PredictionRecord], *, labelled: set[str], settings: LabelsConfig, seed: int
) -> list[Wanted]:
    """At most `settings.budget` predictions of the window, each with its purpose.

    `measure` rows are a random sample of the held-out texts, so their accuracy is an unbiased estimate for the window;
    each has the chance with which it was drawn.
    `learn` rows are other texts that are uncertain and diverse. Texts with a known label, whose keys
    (`core.datasets.key_of`) are in `labelled`, and rows without a stored text are not selected.
    """
    rng = np.random.default_rng(seed)
    readable = [row for row in window if row.has_text]
    unique = {key_of(row.input): row for row in readable if key_of(row.input) not in labelled}
    held_out, trainable = pools_of(unique.values())
    measure = _drawn(held_out, round(settings.budget * settings.measure_share), rng)
    learn = _uncertain_and_diverse(trainable, settings.budget - len(measure), rng)
    return _interleaved(measure, [Wanted(key, "learn") for key in learn])


def _drawn(rows: list[PredictionRecord], count: int, rng: np.random.Generator) -> list[Wanted]:
    drawn = rng.permutation(len(rows))[:count]
    return [Wanted(rows[index].id, "measure", len(drawn) / len(rows)) for index in drawn]


def _uncertain_and_diverse(rows: list[PredictionRecord], count: int, rng: np.random.Generator) -> list[str]:
    """k-means++ seeding (Arthur & Vassilvitskii 2007) on the embeddings, weighted by uncertainty.

    The probability of a row is proportional to 1 - score and to its squared distance from the rows already chosen.
    """
    if count >= len(rows):
        return [row.id for row in rows]
    points = np.stack([row.embedding for row in rows])
    weight = np.array([1.0 - row.score for row in rows]) + 0.01
    distance = np.ones(len(rows))
    chosen: list[int] = []
    for _ in range(count):
        chance = weight * distance
        chance[chosen] = 0.0
        if chance.sum() == 0:  # the other rows are copies of chosen rows
            break
        chosen.append(int(rng.choice(len(rows), p=chance / chance.sum())))
        gap = ((points - points[chosen[-1]]) ** 2).sum(axis=1)
        distance = gap if len(chosen) == 1 else np.minimum(distance, gap)
    return [rows[index].id for index in chosen]


def _interleaved(*parts: list[Wanted]) -> list[Wanted]:
    """Mixes the parts evenly: the first half of the queue has half of the rows of each part."""
    places = [(index / len(part), row) for part in parts for index, row in enumerate(part)]
    return [row for _, row in sorted(places, key=lambda place: place[0])]
