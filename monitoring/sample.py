"""Random samples of the rows, which limit the time and memory of a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from core.features import Features
from monitoring.signals.signal import Sides

MAX_ROWS = 2000
"""Rows per side; the kernel of 2 x 2,000 rows takes 64 MB."""


def sample_sides(reference: Features, window: Features, labels: Sequence[str], *, seed: int = 0) -> Sides:
    """At most `MAX_ROWS` rows of the reference and of the window."""
    random = np.random.default_rng(seed)
    before, after = (sample_rows(side, limit=MAX_ROWS, random=random) for side in (reference, window))
    return Sides(before, after, labels)


def sample_rows(features: Features, *, limit: int, random: np.random.Generator) -> Features:
    """All rows, or `limit` of them, drawn without replacement and in the same order."""
    if features.rows <= limit:
        return features
    kept = np.sort(random.choice(features.rows, limit, replace=False))
    return Features(**{field.name: getattr(features, field.name)[kept] for field in fields(features)})
