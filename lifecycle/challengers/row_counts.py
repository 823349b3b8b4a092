"""How many times a row counts in the training of a challenger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Booleans, Indices, Numbers

GIVEN_WEIGHT = 3.0
"""Most times that a row counts that people labelled since the training of the champion's encoder: if it counted so in
one round only, the next one would lose what it taught (benchmarks/loop/rounds.py).

Accuracy on later rows with 78 labels at 1, 3 and 5 times, medians of three draws: crisislex_storm_to_bombing 87.3,
90.1, 90.7 %; with an earlier version of this fit, clinc150_new_domains 76.5, 77.3, 78.8 %, banking77_new_intents 64.2,
72.6, 75.7 %. On old rows 5 times loses most: the 220 of examples/tickets, four seeds in the mean, lose 0.1, 0.7 and 1.6
points.
"""

TYPICAL_SHARE = 0.5
"""The given and the spread rows of a label count together no more than this share of the other rows of a label in the
middle, but each at least once.

A label that counts more is answered too often on old rows. Five rounds of eight new labels (benchmarks/loop/rounds.py
without the gate, eight seeds in the mean): first rows -1.0 points and 90.4 % of the new ones right with a share of 1,
-0.8 and 90.2 with 0.75, -0.7 and 90.0 with 0.5.
"""


@dataclass(frozen=True)
class RowCounts:
    """`rows`: (n,) how many times each row counts; `room`: (k,) by how much labels that are spread may add to each."""

    rows: Numbers
    room: Numbers

    def of_spread(self, truth: Indices, chance: Numbers) -> Numbers:
        """(s,) how much rows with a label `truth` (s,) count that is right with a `chance` (s,)."""
        total = np.bincount(truth, weights=chance, minlength=len(self.room))
        factor = np.minimum(1.0, self.room / np.maximum(total, 1e-9))
        counts: Numbers = chance * factor[truth]
        return counts


def row_counts(has: Booleans, is_given: Booleans) -> RowCounts:
    """`has`: (n, k) whether a row has a label; `is_given`: (n,) whether people gave it after the encoder was trained.

    A given row counts up to `GIVEN_WEIGHT` times, as far as `TYPICAL_SHARE` allows.
    """
    others, given = has[~is_given].sum(axis=0), has[is_given].sum(axis=0)
    most = TYPICAL_SHARE * float(np.median(others[others > 0])) if others.any() else np.inf
    times = np.clip(most / np.maximum(given, 1), 1.0, GIVEN_WEIGHT)
    least = np.where(has, times, GIVEN_WEIGHT).min(axis=1)  # of the labels of a row
    return RowCounts(np.where(is_given, least, 1.0), np.maximum(most - times * given, 0.0))
