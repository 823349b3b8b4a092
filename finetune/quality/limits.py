"""Where the checks draw their lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """`alpha`, `min_rows`, `resamples` and `max_rows` are those of drift checks, and mean the same."""

    min_characters: int = 3
    """Letters and digits without which a text says nothing."""
    min_rows_of_label: int = 10
    """Distinct texts of a label below which it is warned of."""
    max_imbalance: float = 10.0
    """Rows of the largest label for one of the smallest."""
    near_similarity: float = 0.8
    """Share of the character 4-grams that near duplicates have in common."""
    folds: int = 5
    max_fitted_rows: int = 10_000
    """Rows that a head of the cross-validation learns from, at most; all are scored."""
    max_neighbour_rows: int = 20_000
    """Rows among which nearest neighbours are looked for, at most."""
    alpha: float = 0.01
    min_rows: int = 50
    resamples: int = 1000
    max_rows: int = 2000


DEFAULT_LIMITS = Limits()
