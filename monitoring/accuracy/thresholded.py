"""Estimates accuracy without labels, from the model's confidence and the distance of the rows to the reference."""

from __future__ import annotations

import numpy as np

from core.arrays import Booleans, Doubles, Indices
from core.features import Features
from core.share import Share
from core.texts.copies import SAME_TEXT
from core.two_sample.distances import nearest_of

DISTANCE_WEIGHT = 0.5
"""Reduction of the score per mean distance to the nearest reference row; measured in docs/drift.md."""

DETECTED_DROP = 0.5
"""Share of the accuracy drop that this estimate detects with new classes (docs/drift.md); widens the interval."""

DRAWS = 400


def thresholded(reference: Features, window: Features, *, min_rows: int, seed: int) -> Share | None:
    """Estimated accuracy of the window; None if fewer than `min_rows` reference rows have a label.

    Average thresholded confidence (Garg et al. 2022): the share of reference scores below the threshold is the error
    rate on the reference; the estimate is the share of window scores above the threshold. The score is confidence minus
    a multiple of the distance to the nearest reference row, because confidence alone does not detect new classes. For
    multi-label models, the whole set must be correct. The interval is from a bootstrap of reference and window with
    binomial noise of the window's correct rows; its low end multiplies the estimated drop by `1 / DETECTED_DROP`.
    """
    known = reference.known
    if int(known.sum()) < min_rows:
        return None
    right = reference.right[known]
    reference_scores, window_scores = _scores(reference, window)
    reference_scores = reference_scores[known]
    wrong = int((~right).sum())
    value = _shares_above(reference_scores[None, :], np.array([wrong]), window_scores[None, :])[0]
    low, high = _interval(reference_scores, right, window_scores, np.random.default_rng(seed))
    return Share(float(value), float(min(low, value)), float(max(high, value)), window.rows)


def _scores(reference: Features, window: Features) -> tuple[Doubles, Doubles]:
    """(n,) scores of the reference and (m,) of the window; a higher score means more probably correct."""
    within = reference.apart.astype(np.float64)
    # The reference's mean distance is the unit, because embeddings of different encoders differ in scale.
    unit = within.mean() or 1.0
    across, nearest = nearest_of(window.embeddings, reference.embeddings)
    # A copy of a reference row has distance 0; it gets the distance of that row to its nearest other row instead.
    across = np.where(across < SAME_TEXT * unit, within[nearest], across)
    weight = DISTANCE_WEIGHT / unit
    return reference.confidence - weight * within, window.confidence - weight * across


def _shares_above(reference: Doubles, wrong: Indices, window: Doubles) -> Doubles:
    """(b,) share of window scores (b, m) at or above the reference score (b, n) of rank `wrong` (b,), counted from 0.

    >>> _shares_above(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([1]), np.array([[1.5, 2.5]])).tolist()
    [0.5]
    """
    ordered = np.column_stack([np.sort(reference, axis=1), np.full(len(reference), np.inf)])
    thresholds = np.take_along_axis(ordered, wrong[:, None], axis=1)
    shares: Doubles = np.mean(window >= thresholds, axis=1)
    return shares


def _interval(reference: Doubles, right: Booleans, window: Doubles, random: np.random.Generator) -> tuple[float, float]:
    drawn = random.integers(0, len(reference), (DRAWS, len(reference)))
    rows = window[random.integers(0, len(window), (DRAWS, len(window)))]
    wrong = (~right[drawn]).sum(axis=1)
    shares = _shares_above(reference[drawn], wrong, rows)
    drops = np.maximum(1 - wrong / len(reference) - shares, 0)
    worst = np.clip(shares + drops - drops / DETECTED_DROP, 0, 1)
    low = np.quantile(random.binomial(len(window), worst), 0.025) / len(window)
    high = np.quantile(random.binomial(len(window), shares), 0.975) / len(window)
    return float(low), float(high)
