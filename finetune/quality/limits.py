"""The limits of the checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """`alpha`, `min_rows`, `resamples` and `max_rows` have the meaning and the defaults of drift checks."""

    min_characters: int = 3
    """Texts with fewer letters and digits are too short."""
    min_rows_of_label: int = 10
    """Labels with fewer distinct texts give a warning."""
    max_imbalance: float = 10.0
    """Ratio of the largest to the smallest label that gives a warning."""
    near_similarity: float = 0.8
    """Jaccard similarity of the character 4-grams from which texts are near duplicates."""
    folds: int = 5
    max_fitted_rows: int = 10_000
    """Rows that a head of the cross-validation is fitted on, at most; all rows are scored."""
    max_neighbour_rows: int = 20_000
    """Rows that are searched for nearest neighbours, at most."""
    alpha: float = 0.01
    min_rows: int = 50
    resamples: int = 1000
    max_rows: int = 2000


DEFAULT_LIMITS = Limits()
