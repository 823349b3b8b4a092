"""Accuracy from the labels of a few rows and the scores of all rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from core.share import Share, wilson_interval

LEAST_ROWS = 20
"""Labelled rows from which on the scores are used."""

MOST_GAIN = 4.0
"""The interval is never shorter than one of so many times the labels."""


def powered_accuracy(right: ArrayLike, scores: ArrayLike, others: ArrayLike, *, z: float = 1.96) -> Share:
    """Accuracy over all rows of which a random sample has labels.

    `right` (n,): whether the labelled rows are answered right; `scores` (n,): chances of that without the labels, in
    0..1; `others` (m,): those of the rows without a label. Prediction-powered inference with the weight that makes the
    variance least (PPI++, arXiv 2311.01453), and Wilson's interval for the number of labels that would have this
    variance by themselves: a normal one covers too little near 0 and 1. Unbiased whatever the scores are worth; with
    few rows, or scores that say nothing, it is the share of right rows with Wilson's interval.

    >>> powered_accuracy([True] * 9 + [False], [0.9] * 10, [0.9] * 50).value
    0.9
    """
    found, given, rest = (np.asarray(values, dtype=np.float64) for values in (right, scores, others))
    rows, more = len(found), len(rest)
    value = float(found.mean()) if rows else 0.0
    plain = Share(value, *wilson_interval(int(found.sum()), rows, z=z), rows)
    spread = float(given.var()) if rows else 0.0
    if rows < LEAST_ROWS or not more or not spread or found.all() or not found.any():
        return plain
    covariance = float(np.mean((found - value) * (given - given.mean())))
    weight = covariance / (spread * (1 + rows / more))
    shifted = float(np.clip(value + weight * (rest.mean() - given.mean()), 0, 1))
    variance = float(np.var(found - weight * given)) / (rows - 2) + weight**2 * float(rest.var()) / more
    likely = max(shifted * (1 - shifted), 1 / (4 * rows))
    alike = float(np.clip(likely / variance, rows, MOST_GAIN * rows)) if variance else MOST_GAIN * rows
    return Share(shifted, *wilson_interval(shifted * alike, alike, z=z), rows)
