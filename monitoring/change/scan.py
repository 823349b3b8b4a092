"""A scan for dense places of the window where the reference has next to no rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.arrays import Doubles, Floats, Indices
from core.two_sample.distances import squared_distances

SIZES = np.array([8, 12, 16, 24, 32, 48, 64, 96, 128, 192])
"""Rows in a zone around its centre."""
COUNTERPART = 0.2
"""A zone has no counterpart if the reference is at most this share as dense there as the window."""
PERMUTATIONS = 99
BLOCK = 500
_EULER = 0.5772


@dataclass(frozen=True)
class Zone:
    """`rows`: indices of the window's rows in it; `p_value`: corrected for all zones."""

    rows: Indices
    p_value: float


def scan(window: Floats, reference: Floats, *, level: float, seed: int = 0) -> list[Zone]:
    """Zones that are apart, the most significant first; window (m, d), reference (n, d), a row each at least.

    Kulldorff's scan statistic with the Bernoulli model (1997): the greatest likelihood ratio over the nearest `SIZES`
    rows of each window row, among the zones without a counterpart in the reference. Its distribution is that of random
    splits of the pool, with a Gumbel tail (Abrams et al. 2010).
    """
    nearest = _nearest(window, reference)
    sizes = SIZES[nearest.shape[1] >= SIZES]
    if not len(sizes):
        return []
    inside = np.repeat(np.array([1, 0], dtype=np.uint8), [len(window), len(reference)])
    table = _ratios(sizes, len(window), len(reference))
    maxima = _maxima(nearest, inside, sizes, table, np.random.default_rng(seed))
    return list(_apart(nearest, inside, sizes, table, maxima, level))


def _nearest(window: Floats, reference: Floats) -> NDArray[np.int32]:
    """(m, s) indices, in the pool of window and reference, of the rows nearest to each window row, without itself."""
    pool = np.concatenate([window, reference])
    most = min(int(SIZES[-1]), len(pool) - 1)
    found = np.empty((len(window), most), dtype=np.int32)
    for start in range(0, len(window), BLOCK):
        distances = squared_distances(window[start : start + BLOCK], pool)
        rows = np.arange(len(distances))
        distances[rows, rows + start] = np.inf
        near = np.argpartition(distances, most - 1, axis=1)[:, :most]
        order = np.argsort(np.take_along_axis(distances, near, axis=1), axis=1, kind="stable")
        found[start : start + BLOCK] = np.take_along_axis(near, order, axis=1)
    return found


def _ratios(sizes: Indices, window_rows: int, reference_rows: int) -> Doubles:
    """(sizes, largest size + 1) log likelihood ratio of a zone with so many window rows; 0 with a counterpart."""
    rows = window_rows + reference_rows
    share = window_rows / rows
    count = np.arange(int(sizes[-1]) + 1)[None, :]
    size = sizes[:, None].astype(np.float64)
    inside, outside = count / size, (window_rows - count) / (rows - size)
    with np.errstate(all="ignore"):
        ratio = size * _likelihood(inside) + (rows - size) * _likelihood(outside) - rows * _likelihood(np.array(share))
    is_alone = (size - count) / reference_rows <= COUNTERPART * count / window_rows
    return np.where(is_alone & (count <= size) & (count <= window_rows), np.nan_to_num(ratio), 0.0)


def _likelihood(share: Doubles) -> Doubles:
    """Log likelihood of a row where the share of window rows is as given."""
    bounded = np.clip(share, 1e-12, 1 - 1e-12)
    result: Doubles = share * np.log(bounded) + (1 - share) * np.log(1 - bounded)
    return result


def _counts(nearest: NDArray[np.int32], inside: NDArray[np.uint8], sizes: Indices) -> NDArray[np.int64]:
    """(m, sizes) window rows among the nearest rows of each centre."""
    starts = np.concatenate([[0], sizes[:-1]])
    return np.cumsum(np.add.reduceat(inside[nearest], starts, axis=1, dtype=np.int64), axis=1)


def _maxima(
    nearest: NDArray[np.int32],
    inside: NDArray[np.uint8],
    sizes: Indices,
    table: Doubles,
    random: np.random.Generator,
) -> Doubles:
    columns = np.arange(len(sizes))
    return np.array(
        [
            table[columns, _counts(nearest, random.permutation(inside), sizes)].max(initial=0.0)
            for _ in range(PERMUTATIONS)
        ]
    )


def _apart(
    nearest: NDArray[np.int32],
    inside: NDArray[np.uint8],
    sizes: Indices,
    table: Doubles,
    maxima: Doubles,
    level: float,
) -> Iterator[Zone]:
    free = np.ones(len(nearest), dtype=np.bool_)
    columns, left = np.arange(len(sizes)), inside.copy()
    while free.any():
        ratios = table[columns, _counts(nearest[free], left, sizes)]
        row, column = np.unravel_index(ratios.argmax(), ratios.shape)
        if (p_value := _tail(float(ratios[row, column]), maxima)) > level:
            return
        centre = int(np.flatnonzero(free)[row])
        members = nearest[centre][: sizes[column]]
        rows = np.append(members[left[members].astype(np.bool_)], centre).astype(np.int64)
        free[rows] = False
        left[rows] = 0
        yield Zone(rows, p_value)


def _tail(value: float, maxima: Doubles) -> float:
    """P-value of a maximum, by the Gumbel distribution with the moments of `maxima`."""
    scale = float(maxima.std()) * np.sqrt(6) / np.pi
    if scale == 0:
        return 1.0 if value <= float(maxima.max()) else 1 / (PERMUTATIONS + 1)
    place = float(maxima.mean()) - _EULER * scale
    return float(-np.expm1(-np.exp(-(value - place) / scale)))
