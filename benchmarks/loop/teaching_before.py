"""The queue's selection of rows to learn from, as it was before it took typical rows."""

from __future__ import annotations

import numpy as np

from core.arrays import Numbers


def by_uncertain_seeds(points: Numbers, scores: Numbers, count: int, rng: np.random.Generator) -> list[int]:
    """k-means++ seeding (Arthur & Vassilvitskii 2007), weighted by 1 - score."""
    weight, distance = 1.0 - scores + 0.01, np.ones(len(points))
    chosen: list[int] = []
    for _ in range(min(count, len(points))):
        chance = weight * distance
        chance[chosen] = 0.0
        chosen.append(int(rng.choice(len(points), p=chance / chance.sum())))
        distance = np.minimum(distance if chosen[1:] else np.inf, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return chosen
