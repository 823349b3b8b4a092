"""Tests for new topics: dense groups of texts that the reference lacks, which the mean of all texts hides."""

from __future__ import annotations

import numpy as np

from core.arrays import Indices
from core.two_sample.distances import squared_distances
from core.two_sample.scan import scan, scan_statistic
from core.two_sample.statistics import Statistic
from monitoring.signals.signal import Sides

NEIGHBOURS = 16
LEVEL = 0.05


class NewGroups:
    feature = "new groups"
    statistic = "scan statistic"
    column = "recent texts among the 16 nearest"
    is_categorical = False

    def prepare(self, sides: Sides) -> Statistic:
        pool = np.concatenate([sides.reference.embeddings, sides.window.embeddings])
        return scan_statistic(pool, reference_rows=sides.reference.rows)

    def describe(self, sides: Sides) -> str:
        zones = scan(sides.window.embeddings, sides.reference.embeddings, level=LEVEL)
        if not zones:
            return "no dense group of texts that the reference lacks"
        largest = max(len(zone.rows) for zone in zones)
        groups = "a dense group" if len(zones) == 1 else f"{len(zones)} dense groups"
        return f"{groups} of texts that the reference lacks, up to {largest} texts each"

    def values(self, sides: Sides) -> tuple[Indices, Indices]:
        reference, window = sides.reference.embeddings, sides.window.embeddings
        pool = np.concatenate([reference, window])
        distances = squared_distances(pool)
        np.fill_diagonal(distances, np.inf)
        most = min(NEIGHBOURS, len(pool) - 1)
        nearest = np.argpartition(distances, most - 1, axis=1)[:, :most]
        recent = (nearest >= len(reference)).sum(axis=1).astype(np.int64)
        return recent[: len(reference)], recent[len(reference) :]
