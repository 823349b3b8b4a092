"""Accuracy without labels: an estimate, from how sure the model is and how unusual the rows are."""

from __future__ import annotations

import numpy as np

from core.arrays import Booleans, Doubles, Indices
from core.features import Features
from core.share import Share
from core.two_sample.distances import distance_to_nearest_other, nearest_of

DISTANCE_WEIGHT = 0.5
"""Confidence that one usual distance to the nearest reference row costs; tried in docs/drift.md."""

REPEATED = 0.02
"""Of the usual distance: within it lies a text that is in the reference, too. Half precision, in which traffic is
recorded, moves an embedding by a thousandth of it."""

DROP_SEEN = 0.5
"""Share of a drop that such estimates saw where new classes came (docs/drift.md): the low end allows for it."""

DRAWS = 400


def estimate_accuracy(reference: Features, window: Features, *, min_rows: int, seed: int) -> Share | None:
    """What labelling the window's rows would probably show; None with fewer than `min_rows` known truths.

    Average thresholded confidence (Garg et al. 2022): as many reference rows lie below a threshold
    as were answered wrong; the window's share above it is the estimate. The score is confidence
    less the distance to the nearest reference row, because confidence alone overlooks new classes.
    Where a text may have several labels, an answer is right if all of them are, and the confidence is that
    of the whole set. The interval is a bootstrap over both sides and the chance of each answer; its low end takes a
    drop for `1 / DROP_SEEN` times as large as it looks.
    """
    known = reference.known
    if int(known.sum()) < min_rows:
        return None
    right = reference.right[known]
    usual, present = _scores(reference, window)
    wrong = int((~right).sum())
    value = _shares_above(usual[known][None, :], np.array([wrong]), present[None, :])[0]
    low, high = _interval(usual[known], right, present, np.random.default_rng(seed))
    return Share(float(value), float(min(low, value)), float(max(high, value)), window.rows)


def _scores(reference: Features, window: Features) -> tuple[Doubles, Doubles]:
    """(n,) and (m,) scores: the higher, the likelier the answer is right."""
    usual = distance_to_nearest_other(reference.embeddings).astype(np.float64)
    # The unit is the reference's own mean distance, so that any encoder's scale will do.
    unit = usual.mean() or 1.0
    present, nearest = nearest_of(window.embeddings, reference.embeddings)
    # A text of the reference itself is no likelier answered right than it was there, where itself did not count.
    present = np.where(present < REPEATED * unit, usual[nearest], present)
    weight = DISTANCE_WEIGHT / unit
    return reference.confidence - weight * usual, window.confidence - weight * present


def _shares_above(usual: Doubles, wrong: Indices, present: Doubles) -> Doubles:
    """(b,) share of the window's scores (b, m) that reach the reference's (b, n) but for its lowest `wrong` (b,).

    >>> _shares_above(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([1]), np.array([[1.5, 2.5]])).tolist()
    [0.5]
    """
    ordered = np.column_stack([np.sort(usual, axis=1), np.full(len(usual), np.inf)])
    thresholds = np.take_along_axis(ordered, wrong[:, None], axis=1)
    shares: Doubles = np.mean(present >= thresholds, axis=1)
    return shares


def _interval(usual: Doubles, right: Booleans, present: Doubles, random: np.random.Generator) -> tuple[float, float]:
    drawn = random.integers(0, len(usual), (DRAWS, len(usual)))
    rows = present[random.integers(0, len(present), (DRAWS, len(present)))]
    wrong = (~right[drawn]).sum(axis=1)
    shares = _shares_above(usual[drawn], wrong, rows)
    drops = np.maximum(1 - wrong / len(usual) - shares, 0)
    worst = np.clip(shares + drops - drops / DROP_SEEN, 0, 1)
    low = np.quantile(random.binomial(len(present), worst), 0.025) / len(present)
    high = np.quantile(random.binomial(len(present), shares), 0.975) / len(present)
    return float(low), float(high)
