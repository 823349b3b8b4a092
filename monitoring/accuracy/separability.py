"""How well rows of the window can be told from rows of the reference."""

from __future__ import annotations

import numpy as np

from core.arrays import Booleans, Floats, Numbers

RIDGE = 0.1
"""Of the mean variance of the embeddings, added to each."""


def separability(reference: Floats, window: Floats, *, seed: int) -> float:
    """Area under the ROC curve of a linear discriminant between the two sides, each half judged by the other's.

    About 0.5 if nothing tells them apart, 1.0 if they do not overlap (classifier two-sample test, Lopez-Paz & Oquab
    2017). `reference` (n, d), `window` (m, d).
    """
    rows = np.concatenate([reference, window]).astype(np.float32)
    late = np.arange(len(rows)) >= len(reference)
    first = np.random.default_rng(seed).random(len(rows)) < 0.5
    areas = [_area(_scores(rows, late, fit=half), late[~half]) for half in (first, ~first)]
    return float(np.mean(areas))


def _scores(rows: Floats, late: Booleans, *, fit: Booleans) -> Numbers:
    """Of the rows that are not in `fit`, by Fisher's discriminant of those that are."""
    before, after = rows[fit & ~late], rows[fit & late]
    if not len(before) or not len(after):
        return np.zeros(int((~fit).sum()))
    within = np.concatenate([before - before.mean(axis=0), after - after.mean(axis=0)]).astype(np.float64)
    spread = within.T @ within / len(within)
    spread[np.diag_indices_from(spread)] += RIDGE * np.trace(spread) / len(spread) + 1e-12
    direction = np.linalg.solve(spread, after.mean(axis=0, dtype=np.float64) - before.mean(axis=0, dtype=np.float64))
    scores: Numbers = rows[~fit] @ direction
    return scores


def _area(scores: Numbers, late: Booleans) -> float:
    """Share of pairs in which the late row scores higher, half of the ties (Mann & Whitney 1947)."""
    values, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    afters, befores = int(late.sum()), int((~late).sum())
    if not afters or not befores:
        return 0.5
    return float((ranks[late].sum() - afters * (afters + 1) / 2) / (afters * befores))
