"""Distances between embeddings, and from each row to its nearest row."""

from __future__ import annotations

import numpy as np

from core.arrays import Booleans, Floats, Indices


def squared_distances(rows: Floats, others: Floats | None = None) -> Floats:
    """Squared Euclidean distances (n, m) from `rows` (n, d) to `others` (m, d), by default to `rows` themselves.

    >>> squared_distances(np.array([[0.0], [3.0]], dtype=np.float32)).tolist()
    [[0.0, 9.0], [9.0, 0.0]]
    """
    # Centred rows have small products, so float32 is precise enough for their differences.
    centre = rows.mean(axis=0)
    left = rows - centre
    right = left if others is None else others - centre
    distances: Floats = left @ right.T
    distances *= -2
    distances += np.einsum("nd,nd->n", left, left)[:, None]
    distances += np.einsum("md,md->m", right, right)[None, :]
    np.maximum(distances, 0, out=distances)
    if others is None:
        np.fill_diagonal(distances, 0)
    return distances


def nearest_of(rows: Floats, reference: Floats) -> tuple[Floats, Indices]:
    """(n,) Euclidean distance of each row to its nearest reference row, and (n,) the index of that row."""
    distances = squared_distances(rows, reference)
    nearest = distances.argmin(axis=1)
    return np.sqrt(distances[np.arange(len(rows)), nearest]), nearest


def distance_to_nearest(rows: Floats, reference: Floats) -> Floats:
    """(n,) Euclidean distance of each row to its nearest reference row."""
    return nearest_of(rows, reference)[0]


def distance_to_nearest_other(rows: Floats) -> Floats:
    """(n,) Euclidean distance of each row to its nearest row among the others; at least two rows."""
    distances = squared_distances(rows)
    np.fill_diagonal(distances, np.inf)
    nearest: Floats = np.sqrt(distances.min(axis=1))
    return nearest


def unlike_reference(window: Floats, reference: Floats, *, apart: Floats) -> Booleans:
    """(n,) whether the distance of a window row to its nearest reference row exceeds the 99 % quantile of `apart` (m,),
    the distances of the reference rows to their nearest others. Without a change, this holds for about 1 % of the rows.
    """
    return distance_to_nearest(window, reference) > np.quantile(apart, 0.99)
