"""Copies among the rows of a window or of a reference: equal texts, and near-copies of one text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from core.texts.near_duplicates import NEAR_SIMILARITY, near_pairs
from core.two_sample.distances import distance_to_nearest_other, squared_distances

SAME_TEXT = 0.02
"""Rows closer than this share of the mean distance of the reference rows to their nearest others have the same text.
Half precision changes a stored embedding by a thousandth of that distance, the batch that it was computed in by less.
"""

UNIT_ROWS = 2000
"""Reference rows that the mean distance is computed on: 16 MB."""

BLOCK = 1000
"""Rows whose distances are computed at once: 16 MB for 4,000 rows."""


@dataclass(frozen=True)
class Folded:
    """`kept`: indices of the rows that stand for themselves and for their copies, in the order of the first of these;
    `copies`: number of rows that each of them stands for.
    """

    kept: list[int]
    copies: list[int]


def fold_texts(keys: Sequence[str], copies: Sequence[int], *, near: bool = True) -> Folded:
    """Of rows with the same key, and with `near` of near-copies, the last one is kept. A row with the key "" is kept.

    Near-copies have a Jaccard similarity of their character 4-grams of at least `NEAR_SIMILARITY`; near-copies of
    near-copies count, too. `copies`: number of rows that each row stands for already.

    >>> fold_texts(["where is my new card?", "hello", "Where is my new card please", "hello"], [1, 1, 2, 1], near=False)
    Folded(kept=[0, 3, 2], copies=[1, 2, 2])
    >>> fold_texts(["is my new card on its way?", "hello", "is my new card on its way"], [1, 1, 2])
    Folded(kept=[2, 1], copies=[3, 1])
    """
    latest: dict[str, int] = {}
    pairs: list[tuple[int, int]] = []
    for index, key in enumerate(keys):
        if key and key in latest:
            pairs.append((latest[key], index))
        latest[key] = index
    if near:
        pairs += [(pair.first, pair.second) for pair in near_pairs(keys, threshold=NEAR_SIMILARITY)]
    return _folded(pairs, copies)


def fold_embeddings(embeddings: Floats, copies: Sequence[int], *, within: float) -> Folded:
    """Rows whose embeddings are at most `within` apart are copies; the last one is kept."""
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(embeddings), BLOCK):
        close = squared_distances(embeddings[start : start + BLOCK], embeddings) <= within**2
        firsts, seconds = np.nonzero(close)
        later = seconds > firsts + start
        pairs += zip((firsts[later] + start).tolist(), seconds[later].tolist(), strict=True)
    return _folded(pairs, copies)


def same_text_distance(reference: Floats) -> float:
    """The greatest distance between embeddings of the same text; `reference` (n, d)."""
    rows = reference[:UNIT_ROWS]
    return SAME_TEXT * float(distance_to_nearest_other(rows).mean()) if len(rows) > 1 else 0.0


def _folded(pairs: Sequence[tuple[int, int]], copies: Sequence[int]) -> Folded:
    """The connected components of the pairs, each by its greatest index, in the order of their least ones."""
    root = list(range(len(copies)))

    def last(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for first, second in pairs:
        low, high = sorted((last(first), last(second)))
        root[low] = high
    total: dict[int, int] = {}
    for index, count in enumerate(copies):
        total[last(index)] = total.get(last(index), 0) + count
    return Folded(list(total), list(total.values()))
