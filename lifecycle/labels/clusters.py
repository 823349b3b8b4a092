"""k-means over embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Indices, Numbers

RESTARTS, MAX_ROUNDS = 3, 30


@dataclass(frozen=True)
class Clusters:
    """n rows in k clusters: `of` (n,), the cluster of each row, and its squared distance `gap` (n,) to its centre."""

    of: Indices
    gap: Numbers

    def rows(self, cluster: int) -> Indices:
        """The rows of a cluster, the one nearest to the centre first."""
        members = np.flatnonzero(self.of == cluster)
        return members[np.argsort(self.gap[members], kind="stable")]


def clusters(points: Numbers, count: int, rng: np.random.Generator) -> Clusters:
    """At most `count` clusters (Lloyd 1982, from k-means++ seeds), the tightest of a few runs; copies are in one."""
    runs = [_one_run(points, count, rng) for _ in range(RESTARTS)]
    return min(runs, key=lambda found: float(found.gap.sum()))


def _one_run(points: Numbers, count: int, rng: np.random.Generator) -> Clusters:
    centres = points[_seeds(points, count, rng)]
    found = _assigned(points, centres)
    for _ in range(MAX_ROUNDS):
        members = (found.of == np.arange(len(centres))[:, None]).astype(points.dtype)
        rows = members.sum(axis=1, keepdims=True)
        centres = np.where(rows > 0, members @ points / np.maximum(rows, 1), centres)
        before, found = found, _assigned(points, centres)
        if np.array_equal(before.of, found.of):
            break
    return found


def _assigned(points: Numbers, centres: Numbers) -> Clusters:
    likeness = 2 * points @ centres.T - (centres**2).sum(axis=1)
    of = likeness.argmax(axis=1)
    gap = (points**2).sum(axis=1) - likeness[np.arange(len(points)), of]
    return Clusters(of, np.maximum(gap, 0))


def _seeds(points: Numbers, count: int, rng: np.random.Generator) -> list[int]:
    """k-means++ (Arthur & Vassilvitskii 2007); fewer than `count` if the other rows are copies of chosen ones."""
    chosen = [int(rng.integers(len(points)))]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count and (total := distance.sum()) > 0:
        chosen.append(int(rng.choice(len(points), p=distance / total)))
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return chosen
