"""A scan for dense places of the window where the reference has next to no rows.

The scan statistic of Kulldorff (1997), Bernoulli model: zones are the nearest `SIZES` rows of a centre in the pool of
both sides, and a zone's value is its log likelihood ratio, or 0 if it has a counterpart in the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.arrays import Doubles, Floats, Indices
from core.two_sample.distances import squared_distances
from core.two_sample.statistics import Statistic

SIZES = np.array([8, 12, 16, 24, 32, 48, 64, 96, 128, 192])
"""Rows in a zone around its centre."""
COUNTERPART = 0.2
"""A zone has no counterpart if the reference is at most this share as dense there as the window."""
CENTRES = 600
"""Random centres of the test, for a second of time; groups are looked for around all rows of the window."""
PERMUTATIONS = 99
BLOCK = 500
_EULER = 0.5772


@dataclass(frozen=True)
class Zone:
    """`rows`: indices of the window's rows in it; `p_value`: corrected for all zones."""

    rows: Indices
    p_value: float


@dataclass(frozen=True)
class _Zones:
    """`nearest` (c, s): indices in the pool of the rows nearest to each centre, without itself; `table` (sizes, s + 1):
    the value of a zone by its size and its number of window rows.
    """

    nearest: NDArray[np.int32]
    sizes: Indices
    table: Doubles

    def values(self, inside: NDArray[np.uint8]) -> Doubles:
        """(c, sizes) for window memberships (rows of the pool,)."""
        counts = np.cumsum(inside[self.nearest], axis=1, dtype=np.uint8)[:, self.sizes - 1]
        values: Doubles = self.table[np.arange(len(self.sizes)), counts]
        return values

    def maxima(self, memberships: NDArray[np.uint8]) -> Doubles:
        """(b,) the largest value of all zones for each of the window memberships (rows of the pool, b)."""
        near = np.ascontiguousarray(self.nearest.T)
        counts = np.zeros((near.shape[1], memberships.shape[1]), dtype=np.uint8)
        largest = np.zeros(memberships.shape[1])
        # Memberships side by side are counted eight times as fast as one after the other.
        for start, size, values in zip([0, *self.sizes[:-1]], self.sizes, self.table, strict=True):
            for rows in near[start:size]:
                counts += memberships[rows]
            np.maximum(largest, values[counts].max(axis=0), out=largest)
        return largest


def scan_statistic(pool: Floats, *, reference_rows: int) -> Statistic:
    """The largest value of a zone around `CENTRES` rows of the pool (n, d): the reference's, then the window's."""
    centres = np.random.default_rng(0).permutation(len(pool))[:CENTRES]
    zones = _zones(pool, centres, window_rows=len(pool) - reference_rows)

    def statistic(memberships: Floats) -> Doubles:
        if zones is None:
            return np.zeros(memberships.shape[1])
        return zones.maxima(memberships.astype(np.uint8))

    return statistic


def scan(window: Floats, reference: Floats, *, level: float, seed: int = 0) -> list[Zone]:
    """Zones that are apart, the most significant first; window (m, d), reference (n, d), a row each at least.

    The p-value is that of the largest value under random splits of the pool, with a Gumbel tail (Abrams et al. 2010).
    """
    pool = np.concatenate([window, reference])
    zones = _zones(pool, np.arange(len(window)), window_rows=len(window))
    if zones is None:
        return []
    inside = np.repeat(np.array([1, 0], dtype=np.uint8), [len(window), len(reference)])
    random = np.random.default_rng(seed)
    maxima = zones.maxima(np.stack([random.permutation(inside) for _ in range(PERMUTATIONS)], axis=1))
    return list(_apart(zones, inside, maxima, level))


def _zones(pool: Floats, centres: Indices, *, window_rows: int) -> _Zones | None:
    sizes = SIZES[len(pool) > SIZES]
    if not len(sizes):
        return None
    most = int(sizes[-1])
    nearest = np.empty((len(centres), most), dtype=np.int32)
    for start in range(0, len(centres), BLOCK):
        block = centres[start : start + BLOCK]
        distances = squared_distances(pool[block], pool)
        distances[np.arange(len(block)), block] = np.inf
        near = np.argpartition(distances, most - 1, axis=1)[:, :most]
        order = np.argsort(np.take_along_axis(distances, near, axis=1), axis=1, kind="stable")
        nearest[start : start + BLOCK] = np.take_along_axis(near, order, axis=1)
    return _Zones(nearest, sizes, _table(sizes, window_rows, len(pool) - window_rows))


def _table(sizes: Indices, window_rows: int, reference_rows: int) -> Doubles:
    rows = window_rows + reference_rows
    share = window_rows / rows
    count = np.arange(int(sizes[-1]) + 1)[None, :]
    size = sizes[:, None].astype(np.float64)
    # Counts that cannot be are clipped; no zone has them.
    inside, outside = np.clip(count / size, 0, 1), np.clip((window_rows - count) / (rows - size), 0, 1)
    ratio = size * _likelihood(inside) + (rows - size) * _likelihood(outside) - rows * _likelihood(np.array(share))
    is_alone = (size - count) / reference_rows <= COUNTERPART * count / window_rows
    return np.where(is_alone & (count <= size), ratio, 0.0)


def _likelihood(share: Doubles) -> Doubles:
    """Mean log likelihood of rows of which this share is of the window."""
    bounded = np.clip(share, 1e-12, 1 - 1e-12)
    result: Doubles = share * np.log(bounded) + (1 - share) * np.log(1 - bounded)
    return result


def _apart(zones: _Zones, inside: NDArray[np.uint8], maxima: Doubles, level: float) -> Iterator[Zone]:
    """The best zone, then the best one of the rows that are left, and so on."""
    free = np.ones(len(zones.nearest), dtype=np.bool_)
    left = inside.copy()
    while free.any():
        values = np.where(free[:, None], zones.values(left), 0.0)
        centre, column = np.unravel_index(values.argmax(), values.shape)
        if (p_value := _tail(float(values[centre, column]), maxima)) > level:
            return
        near = zones.nearest[centre][: zones.sizes[column]]
        rows = np.append(near[left[near] == 1], centre).astype(np.int64)
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
