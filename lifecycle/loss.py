"""Whether labels of texts that were drawn at random show a loss of accuracy: a test valid whenever one looks.

The champion answers a text wrong with an unknown chance. A bet that this chance is higher than expected multiplies its
stake with each text (Ramdas et al. 2023, arXiv 2210.01948). The loss may begin at any time, so the stake is divided
among bets that begin one after the other, and each of them among losses of different sizes. If accuracy did not fall,
the whole stake reaches 1 / alpha with a chance of at most alpha, however often one looks (Ville's inequality).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Booleans, Doubles, Indices

LOSSES = (0.05, 0.1, 0.2, 0.4)
"""Losses of accuracy that are bet on; each in between is found by the next one."""

MOST_WRONG = 0.98
"""The largest error rate that is bet on: a certain loss could be refuted by one right answer."""


@dataclass(frozen=True)
class Evidence:
    """`value`: the stake now; it began at 1. `begin`: row at which the most successful bet began."""

    value: float
    begin: int

    @property
    def p_value(self) -> float:
        """Valid whenever it is looked at."""
        return min(1.0, 1 / self.value)


def evidence_of_loss(wrong: Booleans, lots: Indices, *, floor: float) -> Evidence:
    """For the hypothesis that accuracy is below `floor`, from (n,) whether each row is wrong, in their order.

    `lots` (n,): number of each row's lot, from 1; a bet begins with each lot, with a stake of 1 / (lot · (lot + 1)).

    >>> round(evidence_of_loss(np.ones(5, dtype=bool), np.ones(5, dtype=int), floor=0.8).value)
    36
    >>> evidence_of_loss(np.zeros(0, dtype=bool), np.zeros(0, dtype=int), floor=0.8)
    Evidence(value=1.0, begin=0)
    """
    begins = np.flatnonzero(np.diff(lots, prepend=0))
    stakes = 1.0 / (lots[begins] * (lots[begins] + 1.0))
    values = np.exp(_growth(wrong, begins, 1 - floor)).mean(axis=0)
    best = int(begins[np.argmax(stakes * values)]) if len(begins) else 0
    return Evidence(float(1 - stakes.sum() + stakes @ values), best)


def _growth(wrong: Booleans, begins: Indices, expected: float) -> Doubles:
    """(losses, begins) logarithm of the growth of each bet up to the last row. `expected`: chance of a wrong answer."""
    rates = np.minimum(expected + np.array(LOSSES), max(MOST_WRONG, expected))[:, None]
    steps = np.where(wrong, np.log(rates / expected), np.log((1 - rates) / (1 - expected)))
    total = np.cumsum(steps, axis=1)
    before = np.column_stack([np.zeros(len(LOSSES)), total])[:, begins]
    growth: Doubles = total[:, -1:] - before if total.size else np.zeros((len(LOSSES), len(begins)))
    return growth
