"""Random samples of the rows, which limit the time and memory of a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from core.arrays import Indices
from core.features import Features
from core.texts.copies import same_text_distance
from core.two_sample.distances import nearest_of
from monitoring.signals.signal import Sides

MAX_ROWS = 2000
"""Rows per side; the kernel of 2 x 2,000 rows takes 64 MB."""

SHARED = 0.02
"""If the other side has a larger share of a side's texts, too, both are cut to the same number of texts."""


def sample_sides(reference: Features, window: Features, labels: Sequence[str], *, seed: int = 0) -> Sides:
    """At most `MAX_ROWS` rows of the reference and of the window.

    Texts that recur are a smaller share of the different texts the more rows are drawn, so sides with many of them are
    compared at the same number of different texts (rarefaction, Hurlbert 1971), drawn in the random order in which the
    rows with all their copies would come (Efraimidis & Spirakis 2006).
    """
    random = np.random.default_rng(seed)
    if _has_recurring_texts(reference, window):
        limit = min(MAX_ROWS, reference.rows, window.rows)
        before, after = (_rarefied(side, limit, random) for side in (reference, window))
    else:
        before, after = (sample_rows(side, limit=MAX_ROWS, random=random) for side in (reference, window))
    return Sides(before, after, labels)


def _has_recurring_texts(reference: Features, window: Features) -> bool:
    """Whether texts recur that both sides have; a text that one client sends again is on one side only."""
    larger, smaller = sorted((reference, window), key=lambda side: -side.rows)
    if not smaller.rows or larger.copies is None or larger.copies.max() == 1:
        return False
    distances, _ = nearest_of(smaller.embeddings[:MAX_ROWS], larger.embeddings[larger.copies > 1][:MAX_ROWS])
    return bool(np.mean(distances <= same_text_distance(reference.embeddings)) > SHARED)


def _rarefied(features: Features, limit: int, random: np.random.Generator) -> Features:
    if features.rows <= limit:
        return features
    first_seen = random.exponential(size=features.rows) / (1 if features.copies is None else features.copies)
    return rows_at(features, np.sort(np.argsort(first_seen)[:limit]))


def sample_rows(features: Features, *, limit: int, random: np.random.Generator) -> Features:
    """All rows, or `limit` of them, drawn without replacement and in the same order."""
    if features.rows <= limit:
        return features
    return rows_at(features, np.sort(random.choice(features.rows, limit, replace=False)))


def rows_at(features: Features, kept: Indices) -> Features:
    """The rows with the indices `kept`."""
    values = {field.name: getattr(features, field.name) for field in fields(features)}
    return replace(features, **{name: array[kept] for name, array in values.items() if array is not None})
