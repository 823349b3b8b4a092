"""Order statistics of large arrays, without a copy of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.arrays import Floats

SAMPLE = 50_000
AROUND = 0.02
"""Ranks of the sample, as a share, that are looked at on both sides."""
BLOCK = 1 << 18


def at_ranks(values: Floats, ranks: Sequence[int]) -> Floats:
    """The values of neighbouring ranks, counted from 0, among all values of an array.

    Only the values between two quantiles of a sample are put in order, which takes a fifth of the time and next to none
    of the memory of `np.partition` for 16 million values.

    >>> at_ranks(np.array([[3.0, 1.0], [2.0, 5.0]], dtype=np.float32), [1, 2]).tolist()
    [2.0, 3.0]
    """
    flat = values.reshape(-1)
    low, high = _around(flat, ranks)
    below, near = 0, []
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        below += int(np.count_nonzero(block < low))
        near.append(block[(block >= low) & (block <= high)])
    between = np.concatenate(near)
    if min(ranks) < below or max(ranks) >= below + len(between):
        below, between = 0, flat
    places = np.array(ranks) - below
    found: Floats = np.partition(between, places)[places]
    return found


def median(values: Floats) -> float:
    """As of `np.median`, of at least one value.

    >>> median(np.array([4.0, 1.0, 2.0, 9.0], dtype=np.float32))
    3.0
    """
    half = values.size // 2
    return float(at_ranks(values, [half] if values.size % 2 else [half - 1, half]).mean())


def _around(flat: Floats, ranks: Sequence[int]) -> tuple[float, float]:
    """Two values of a sample between which the ranks are, unless the sample is odd."""
    sample = np.sort(flat[:: len(flat) // SAMPLE + 1])
    shares = min(ranks) / len(flat) - AROUND, max(ranks) / len(flat) + AROUND
    low, high = (sample[min(max(int(share * len(sample)), 0), len(sample) - 1)] for share in shares)
    return float(low), float(high)
