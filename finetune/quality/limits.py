"""The limits of the checks."""

from __future__ import annotations

from dataclasses import dataclass

from core.texts.near_duplicates import NEAR_SIMILARITY


@dataclass(frozen=True)
class Limits:
    """`min_rows`, `resamples` and `max_rows` have the same meaning and defaults as in drift checks, and so has `alpha`
    if `drift.alpha` is set; unset, it is the level here.
    """

    min_characters: int = 3
    """Texts with fewer letters and digits are too short."""
    min_rows_of_label: int = 10
    """Labels with fewer distinct texts give a warning."""
    max_imbalance: float = 10.0
    """Ratio of the largest to the smallest label that gives a warning."""
    near_similarity: float = NEAR_SIMILARITY
    """Minimum Jaccard similarity of the character 4-grams of near duplicates."""
    folds: int = 5
    max_fitted_rows: int = 10_000
    """Maximum rows that a head of the cross-validation is fitted on; all rows are scored."""
    max_neighbour_rows: int = 20_000
    """Maximum rows that are searched for nearest neighbours."""
    alpha: float = 0.01
    min_rows: int = 50
    resamples: int = 1000
    max_rows: int = 2000


DEFAULT_LIMITS = Limits()
