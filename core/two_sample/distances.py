"""Distances between embeddings: how far rows lie from each other and from their nearest ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def squared_distances(rows: Floats, others: Floats | None = None) -> Floats:
    """Squared Euclidean distances (n, m) of `rows` (n, d) to `others` (m, d), else to each other.

    >>> squared_distances(np.array([[0.0], [3.0]], dtype=np.float32)).tolist()
    [[0.0, 9.0], [9.0, 0.0]]
    """
    # Around a common centre the products stay small, and float32 keeps the differences.
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


def nearest_of(rows: Floats, reference: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """(n,) Euclidean distance of each row to its nearest reference row, and (n,) which one that is."""
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


def unlike_reference(window: Floats, reference: Floats) -> NDArray[np.bool_]:
    """(n,) whether a window row lies farther from its nearest reference row than 99 % of the
    reference rows lie from each other; so about 1 % do where nothing changed.
    """
    usual = np.quantile(distance_to_nearest_other(reference), 0.99)
    return distance_to_nearest(window, reference) > usual
