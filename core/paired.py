"""Paired comparison of two classifiers on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, comb, sqrt

import numpy as np
from numpy.typing import ArrayLike

# Normal quantiles of a one-sided level of 5 % and of a power of 80 %.
Z_LEVEL, Z_POWER = 1.645, 0.842
_HALVINGS = 60


@dataclass(frozen=True)
class Paired:
    """`wins`: rows where only the second classifier is correct; `losses`: rows where only the first one is correct."""

    wins: int
    losses: int
    rows: int

    @staticmethod
    def of(first: ArrayLike, second: ArrayLike) -> Paired:
        """From (n,) whether the first and (n,) whether the second classifier is correct.

        >>> Paired.of([True, False, False], [True, True, False])
        Paired(wins=1, losses=0, rows=3)
        """
        before, after = np.asarray(first, dtype=np.bool_), np.asarray(second, dtype=np.bool_)
        return Paired(int(np.sum(after & ~before)), int(np.sum(before & ~after)), len(before))

    @property
    def discordant(self) -> int:
        return self.wins + self.losses

    @property
    def reversed(self) -> Paired:
        return Paired(self.losses, self.wins, self.rows)

    @property
    def gain(self) -> float:
        """Accuracy of the second classifier minus accuracy of the first."""
        return (self.wins - self.losses) / self.rows if self.rows else 0.0

    @property
    def standard_error(self) -> float:
        """Standard error of the gain."""
        return sqrt(max(self.discordant - self.rows * self.gain**2, 0.0)) / self.rows if self.rows else 0.0

    @property
    def chance_error(self) -> float:
        """Standard error of the gain if both classifiers are equally accurate."""
        return sqrt(self.discordant) / self.rows if self.rows else 0.0

    @property
    def p_value(self) -> float:
        """Exact one-sided p-value of the hypothesis that wins are no likelier than losses (McNemar 1947).

        >>> Paired(0, 0, 9).p_value, Paired(5, 0, 9).p_value, round(Paired(8, 2, 99).p_value, 4)
        (1.0, 0.03125, 0.0547)
        """
        tail = range(self.wins, self.discordant + 1)
        return sum(comb(self.discordant, count) for count in tail) / (1 << self.discordant)

    @property
    def largest_loss(self) -> float:
        """One-sided 95 % upper bound of the drop in accuracy from the first to the second classifier.

        Score interval of Tango 1998 (Statistics in Medicine 17), which is also valid for few discordant rows.

        >>> round(Paired(0, 0, 200).largest_loss, 4), round(Paired(1, 3, 1000).largest_loss, 4)
        (0.0133, 0.0066)
        """
        if self.losses == self.rows:
            return 1.0
        low, high = -self.gain, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._is_below_bound(middle) else (low, middle)
        return (low + high) / 2

    def _is_below_bound(self, drop: float) -> bool:
        linear = (2 * self.rows - self.losses + self.wins) * drop - self.losses - self.wins
        constant = self.wins * drop * (1 - drop)
        # Share of wins under the hypothesis that accuracy falls by `drop`.
        share = (sqrt(linear**2 + 8 * self.rows * constant) - linear) / (4 * self.rows)
        return self.rows * (-self.gain - drop) + Z_LEVEL * sqrt(self.rows * (2 * share + drop * (1 - drop))) > 0

    @property
    def rows_needed(self) -> int | None:
        """Rows needed to detect the observed difference with 80 % power (Connor 1987); None for no difference.

        >>> Paired(7, 3, 100).rows_needed
        385
        """
        if self.wins == self.losses:
            return None
        difference, discordant = abs(self.gain), self.discordant / self.rows
        spread = Z_LEVEL * sqrt(discordant) + Z_POWER * sqrt(max(discordant - difference**2, 0.0))
        return ceil((spread / difference) ** 2)
