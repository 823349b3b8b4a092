"""Selects the rows from which a challenger learns most."""

from __future__ import annotations

import numpy as np

from core.arrays import Indices, Numbers
from core.processes.blas import one_blas_thread
from lifecycle.labels.clusters import Clusters, clusters

LESS_SURE = 0.5
"""Share of the rows among which the clusters are sought: those with the lowest scores."""

ROWS_PER_CLUSTER = 2
"""Rows in the mean; wide clusters give more of them."""


@one_blas_thread()
def teaching_rows(points: Numbers, scores: Numbers, count: int, *, seed: int) -> list[int]:
    """`count` of n rows with embeddings (n, d) and scores (n,), those first that teach most.

    The less sure rows are clustered, and each cluster gives the row nearest to its centre: few labels teach most on
    typical rows (TypiClust, Hacohen et al. 2022, arXiv 2202.02794). Wide clusters are divided and give several. Rows
    with the lowest scores fill what is left of `count`.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(scores, kind="stable")
    part = order[: max(count, round(len(order) * LESS_SURE))]
    typical = [int(part[row]) for row in _typical(points[part], count, rng)]
    others = np.setdiff1d(order, typical, assume_unique=True)
    return [*typical, *map(int, others)][:count]


def _typical(points: Numbers, count: int, rng: np.random.Generator) -> list[int]:
    """The first row of each cluster, the largest cluster first, then the second rows, and so on."""
    if count >= len(points):
        return list(range(len(points)))
    found = clusters(points, max(1, count // ROWS_PER_CLUSTER), rng)
    ranked: list[tuple[int, int, int]] = []
    for cluster, seats in enumerate(_seats(found, count)):
        members = found.rows(cluster)
        typical = _of_one_cluster(points, members, seats, rng)
        ranked += [(place, -len(members), row) for place, row in enumerate(typical)]
    return [row for _, _, row in sorted(ranked)]


def _seats(found: Clusters, count: int) -> list[int]:
    """How many rows each cluster gives: one, and the others where rows are many and far from the centre.

    A cluster in s parts has about 1/s of its summed distances; so near-copies, however many, get one row.
    """
    sizes = np.bincount(found.of)
    distances = np.bincount(found.of, weights=found.gap)
    seats = np.minimum(sizes, 1)
    while seats.sum() < count:
        gain = distances / np.maximum(seats * (seats + 1), 1)
        seats[np.where(seats < sizes, gain, -1.0).argmax()] += 1
    return [int(number) for number in seats]


def _of_one_cluster(points: Numbers, members: Indices, count: int, rng: np.random.Generator) -> list[int]:
    """`count` rows of a cluster: the row nearest to its centre, or those of as many parts of it."""
    if not 1 < count < len(members):
        return [int(row) for row in members[:count]]
    parts = clusters(points[members], count, rng)
    inner = [parts.rows(part) for part in range(int(parts.of.max()) + 1)]
    inner = sorted((rows for rows in inner if len(rows)), key=len, reverse=True)
    return [int(members[rows[0]]) for rows in inner]
