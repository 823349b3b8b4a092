"""Rows of earlier trainings, replayed beside the given rows so that a training that goes on does not forget them."""

from __future__ import annotations

import numpy as np

from core.arrays import Indices
from lifecycle.challengers.parts import Parts

LEAST_REPLAYED = 500


def replayed(parts: Parts, *, times: float, seed: int) -> Indices:
    """Places of training rows that teach: each given row as often as it counts, and `times` as many earlier rows, at
    least `LEAST_REPLAYED`, drawn at random; the first of each label is always among them.
    """
    is_given = parts.is_given
    places = np.flatnonzero(is_given & ~parts.selects)
    given = np.repeat(places, np.rint(parts.counts.rows[places]).astype(np.int64))
    earlier = np.random.default_rng(seed).permutation(np.flatnonzero(~is_given))
    wanted = max(LEAST_REPLAYED, round(times * len(given)))
    labels = [parts.train[place].label for place in earlier]
    _, firsts = np.unique(np.array(labels, dtype=object).astype(str), return_index=True)
    order = np.concatenate([firsts, np.setdiff1d(np.arange(len(earlier)), firsts)])
    return np.sort(np.concatenate([given, earlier[order[:wanted]]])).astype(np.int64)
