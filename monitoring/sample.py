"""A bounded random part of the rows, so that the cost of a check does not grow with traffic."""

from __future__ import annotations

import numpy as np

from core.features import Features


def sample_rows(features: Features, *, limit: int, random: np.random.Generator) -> Features:
    """All rows, or `limit` of them drawn without replacement, in their order."""
    if features.rows <= limit:
        return features
    kept = np.sort(random.choice(features.rows, limit, replace=False))
    return Features(
        embeddings=features.embeddings[kept],
        predicted=features.predicted[kept],
        confidence=features.confidence[kept],
        length=features.length[kept],
        truth=features.truth[kept],
    )
