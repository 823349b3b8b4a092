"""Since when traffic drifts: a change point over recorded rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.accumulated import Pace
from core.arrays import Doubles, Floats
from core.champion import ChampionPackage
from core.records import StoredPrediction
from core.two_sample.distances import squared_distances
from core.two_sample.selection import median

MOST_REFERENCE, MOST_LATE = 1000, 1000
LEAST_GAIN = 5.0
"""Log-likelihood that a change point must gain over none to be named."""

FEWEST = 5
"""Rows after a change point."""


@dataclass(frozen=True)
class Began:
    """Times of the first row of the drift: the median and the ends of the 95 % interval."""

    since: str
    earliest: str
    latest: str
    pace: Pace


@dataclass(frozen=True)
class ChangePoint:
    """Indices of rows, as the times in `Began`."""

    first: int
    earliest: int
    latest: int
    pace: Pace


def began(rows: Sequence[StoredPrediction], champion: ChampionPackage, *, after: int) -> Began | None:
    """When a drift began that the rows with numbers greater than `after` show; None if the rows do not tell.

    `rows`: oldest first; as many rows before `after` as there are after it are looked at, too.
    """
    late = sum(row.number > after for row in rows)
    looked_at = rows[-min(len(rows), 2 * max(late, 100)) :]
    embeddings = np.stack([row.embedding for row in looked_at])
    scores, usual = unlike_scores(embeddings, champion.reference.embeddings, late=late)
    found = change_point(scores, usual=usual)
    if found is None:
        return None
    times = [row.created_at for row in looked_at]
    return Began(times[found.first], times[found.earliest], times[found.latest], found.pace)


def unlike_scores(rows: Floats, reference: Floats, *, late: int) -> tuple[Doubles, float]:
    """(n,) how much each row is like the last `late` >= 2 rows rather than the reference, and the reference's mean.

    The witness function of the maximum mean discrepancy (Gretton et al. 2012, section 2.3): mean kernel with the late
    rows less mean kernel with the reference. No row is compared with itself, which would make it like its own side.
    """
    reference, count = _thinned(reference, MOST_REFERENCE), len(rows)
    late_at = np.unique(np.linspace(count - late, count - 1, min(late, MOST_LATE)).round().astype(np.int64))
    pool = np.concatenate([rows, reference])
    anchors = np.concatenate([late_at, np.arange(count, len(pool))])
    distances = squared_distances(pool, pool[anchors])
    kernel = np.divide(distances, -(median(distances) or 1.0), out=distances)
    np.exp(kernel, out=kernel)
    kernel[anchors, np.arange(len(anchors))] = 0
    is_late = np.zeros(len(pool), dtype=np.bool_)
    is_late[late_at] = True
    like_late = kernel[:, : len(late_at)].sum(axis=1, dtype=np.float64) / (len(late_at) - is_late)
    is_reference = np.arange(len(pool)) >= count
    like_reference = kernel[:, len(late_at) :].sum(axis=1, dtype=np.float64) / (len(reference) - is_reference)
    scores: Doubles = like_late - like_reference
    return scores[:count], float(scores[count:].mean())


def change_point(scores: Doubles, *, usual: float) -> ChangePoint | None:
    """The row from which on the mean of the scores (n,) differs from `usual`, by a step or by a slope.

    Least squares, with a flat prior over rows and over step and slope: the median row and the middle 95 %. None without
    enough likelihood gained over no change.

    >>> scores = np.repeat([0.0, 1.0], [60, 40]) + np.tile([-0.1, 0.1], 50)
    >>> change_point(scores, usual=0.0)
    ChangePoint(first=60, earliest=60, latest=60, pace='sudden')
    """
    excess = scores - usual
    count = len(excess)
    if count <= FEWEST:
        return None
    total = float(excess @ excess)
    likelihoods = {
        "sudden": _log_likelihood(total, _step_gain(excess), count),
        "gradual": _log_likelihood(total, _slope_gain(excess), count),
    }
    evidence = {pace: float(np.logaddexp.reduce(values)) for pace, values in likelihoods.items()}
    if max(values.max() for values in likelihoods.values()) < LEAST_GAIN:
        return None
    either = np.logaddexp(likelihoods["sudden"], likelihoods["gradual"])
    weights = np.cumsum(np.exp(either - either.max()))
    earliest, first, latest = np.searchsorted(weights, np.array([0.025, 0.5, 0.975]) * weights[-1]).tolist()
    return ChangePoint(first, earliest, latest, "sudden" if evidence["sudden"] >= evidence["gradual"] else "gradual")


def _step_gain(excess: Doubles) -> Doubles:
    """(n - FEWEST,) squares that a step at each row explains."""
    sums = np.cumsum(excess[::-1])[::-1]
    gain: Doubles = sums**2 / np.arange(len(excess), 0, -1)
    return gain[:-FEWEST]


def _slope_gain(excess: Doubles) -> Doubles:
    """(n - FEWEST,) squares that a straight line from zero at each row explains."""
    count = len(excess)
    steps = np.arange(count, dtype=np.float64)
    sums, moments = (np.cumsum(values[::-1])[::-1] for values in (excess, excess * steps))
    products = moments - steps * sums
    last = count - 1 - steps
    squares = last * (last + 1) * (2 * last + 1) / 6
    gain: Doubles = products**2 / np.maximum(squares, 1.0)
    return gain[:-FEWEST]


def _log_likelihood(total: float, gain: Doubles, count: int) -> Doubles:
    """Gained over no change, with normal errors of unknown variance."""
    left = np.maximum(1 - gain / (total or 1.0), 1e-12)
    gained: Doubles = -count / 2 * np.log(left)
    return gained


def _thinned(rows: Floats, most: int) -> Floats:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(np.int64)]
