"""Selects the predictions to label: some to measure accuracy, the others to train on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from core.config import LabelsConfig
from core.datasets import key_of
from core.records import PredictionRecord, Wanted
from lifecycle.labels.pools import pools_of
from lifecycle.labels.teaching import teaching_rows

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
    `learn` rows are the other texts that teach most (see `lifecycle.labels.teaching`). Texts with a known label, whose
    keys (`core.datasets.key_of`) are in `labelled`, and rows without a stored text are not selected.
    """
    rng = np.random.default_rng(seed)
    held_out, trainable = askable(window, labelled)
    measure = _drawn(held_out, round(settings.budget * settings.measure_share), rng)
    return _interleaved(measure, _teaching(trainable, settings.budget - len(measure), seed=seed))


def askable(
    window: Sequence[PredictionRecord], labelled: Collection[str]
) -> tuple[list[PredictionRecord], list[PredictionRecord]]:
    """(held-out texts, texts that may be trained on) of the window whose keys are not in `labelled`, each once."""
    readable = [row for row in window if row.has_text]
    unique = {key_of(row.input): row for row in readable if key_of(row.input) not in labelled}
    return pools_of(unique.values())


def _drawn(rows: list[PredictionRecord], count: int, rng: np.random.Generator) -> list[Wanted]:
    drawn = rng.permutation(len(rows))[:count]
    return [Wanted(rows[index].id, "measure", len(drawn) / len(rows)) for index in drawn]


def _teaching(rows: list[PredictionRecord], count: int, *, seed: int) -> list[Wanted]:
    if not rows:
        return []
    points = np.stack([row.embedding for row in rows]).astype(np.float32)
    chosen = teaching_rows(points, np.array([row.score for row in rows]), count, seed=seed)
    return [Wanted(rows[index].id, "learn") for index in chosen]


def _interleaved(*parts: list[Wanted]) -> list[Wanted]:
    """Mixes the parts evenly: the first half of the queue has half of the rows of each part."""
    places = [(index / len(part), row) for part in parts for index, row in enumerate(part)]
    return [row for _, row in sorted(places, key=lambda place: place[0])]
