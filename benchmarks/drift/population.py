"""A pool as the population that references and windows are drawn from, so that nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pools import Pool

from core.arrays import Indices
from core.features import Features
from monitoring.check import p_value_of


@dataclass
class Population:
    pool: Pool

    @property
    def rows(self) -> int:
        return len(self.pool.pred)

    def p_value(self, reference: Indices, window: Indices, *, resamples: int) -> float:
        """That of a check of a window (m,) against a reference (n,); both are indices of rows."""
        sides = self._features(reference), self._features(window)
        return p_value_of(*sides, labels=self._labels, resamples=resamples)

    @cached_property
    def _labels(self) -> list[str]:
        return [str(label) for label in range(int(max(self.pool.pred.max(), self.pool.truth.max())) + 1)]

    def _features(self, rows: Indices) -> Features:
        pool = self.pool
        return Features(
            embeddings=pool.emb[rows].astype(np.float32),
            predicted=pool.pred[rows],
            confidence=pool.conf[rows],
            length=pool.length[rows],
            truth=np.full(len(rows), -1),
        )
