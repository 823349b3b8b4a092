"""A sign test that may be looked at after each label (Shafer 2021; Ramdas et al. 2023, arXiv 2210.01948).

Of the rows where exactly one of two versions is right, the second one is right with an unknown chance. A bet at even
odds on the second version multiplies its stake by the `evidence`. If the second version is not better, the evidence
reaches 1/alpha with a chance of at most alpha, however often one looks (Ville's inequality).
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

# Rows of a perfect or an even record that `wins_share` adds, so that few rows do not look sure.
PRIOR_ROWS = 1


def evidence(wins: int, losses: int) -> float:
    """For the hypothesis that wins are likelier than losses: the mean likelihood ratio over the chances from 1/2 to 1.

    >>> evidence(0, 0), evidence(5, 0), round(evidence(12, 3), 1), round(evidence(5, 5), 2)
    (1.0, 10.5, 8.9, 0.37)
    """
    rows = wins + losses
    return float(Fraction(sum(comb(rows + 1, count) for count in range(wins + 1)), (rows + 1) * comb(rows, wins)))


def anytime_p_value(wins: int, losses: int) -> float:
    """Valid whenever it is looked at; more careful than `Paired.p_value`, which is valid for one look.

    >>> anytime_p_value(0, 3), round(anytime_p_value(7, 0), 3)
    (1.0, 0.031)
    """
    return min(1.0, 1 / evidence(wins, losses))


def closing_p_value(wins: int, losses: int, *, alpha: float) -> float:
    """That of the last look, after which no row can still be decided: the chance, if the second version is not better,
    that an earlier look would have ended with `anytime_p_value` <= `alpha`, or that it has so many wins at the end.

    What the earlier looks left of `alpha` is spent at the end, as in a group-sequential design (Jennison & Turnbull
    2000), exactly: by the chances of all courses of wins and losses.

    >>> round(closing_p_value(13, 3, alpha=0.05), 3), round(anytime_p_value(13, 3), 3)
    (0.019, 0.073)
    """
    rows, ended = wins + losses, 0.0
    bounds = _bounds(rows, alpha)
    chances = [1.0]  # of so many wins after some rows, without an end before
    for row in range(1, rows + 1):
        further = [0.0] * (row + 1)
        for won, chance in enumerate(chances):
            further[won] += chance / 2
            further[won + 1] += chance / 2
        if row < rows:
            for won in range(row + 1):
                if won >= bounds[row - won]:
                    ended += further[won]
                    further[won] = 0.0
        chances = further
    return min(1.0, ended + sum(chances[wins:]))


def _bounds(rows: int, alpha: float) -> list[int]:
    """By the number of losses, from 0 to `rows`: the least wins with which `anytime_p_value` <= `alpha`."""
    found, wins = [], 0
    for losses in range(rows + 1):
        while wins <= rows and evidence(wins, losses) * alpha < 1:
            wins += 1
        found.append(wins)
    return found


def rows_until_settled(wins: int, losses: int, *, alpha: float, most: int) -> int | None:
    """Further rows, of which exactly one version is right, until the evidence reaches 1/alpha if wins stay as frequent.

    None if that takes more than `most` rows, or if wins are not more frequent than losses.

    >>> rows_until_settled(4, 1, alpha=0.05, most=100), rows_until_settled(3, 3, alpha=0.05, most=100)
    (32, None)
    """
    share = (wins + PRIOR_ROWS) / (wins + losses + 2 * PRIOR_ROWS)
    if share <= 1 / 2:
        return None
    for further in range(most + 1):
        won = round(share * further)
        if evidence(wins + won, losses + further - won) * alpha >= 1:
            return further
    return None
