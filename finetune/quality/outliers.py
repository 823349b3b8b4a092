"""Rows that are unlike all other rows of the file."""

from __future__ import annotations

import numpy as np

from core.arrays import Numbers
from core.two_sample.distances import squared_distances
from finetune.quality.findings import Finding, quantity, row_findings
from finetune.quality.limits import Limits
from finetune.quality.sheet import Sheet

NEIGHBOURS = 5
MAX_SCORE = 3.5
"""The limit of the modified z-score recommended by Iglewicz and Hoaglin (1993)."""
MIN_ROWS = 50
_BLOCK = 512


def outliers(sheet: Sheet, embeddings: Numbers, limits: Limits, *, seed: int) -> list[Finding]:
    """Rows far from their nearest neighbours; `embeddings` (n, d) are of `sheet.with_text`."""
    position = {index: row for row, index in enumerate(sheet.with_text)}
    # Distinct texts only: otherwise the nearest neighbour of an outlier could be its copy.
    distinct = sheet.distinct(sheet.with_text)
    if len(distinct) < MIN_ROWS:
        return []
    distances = neighbour_distances(
        embeddings[[position[index] for index in distinct]], limit=limits.max_neighbour_rows, seed=seed
    )
    scores = modified_z_scores(distances)
    far = [row for row in np.argsort(-scores, kind="stable").tolist() if scores[row] > MAX_SCORE]
    median = float(np.median(distances))
    return row_findings(
        "outliers",
        {distinct[row]: f"{distances[row]:.2f} from its nearest rows (median: {median:.2f})" for row in far},
        sheet.examples,
        severity="info",
        sentence=f"{quantity(len(far), 'text')} unlike any other in the file.",
        advice="Read them: collect more rows like them if they are rare cases, remove them if they are off topic.",
    )


def neighbour_distances(embeddings: Numbers, *, limit: int, seed: int) -> Numbers:
    """(n,) mean distance of each row to its `NEIGHBOURS` nearest neighbours in a sample of at most `limit` rows."""
    rows = len(embeddings)
    drawn = np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
    nearest = min(NEIGHBOURS, len(drawn) - 1)
    means = np.empty(rows)
    for start in range(0, rows, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, rows))
        distances = squared_distances(embeddings[block], embeddings[drawn])
        distances[block[:, None] == drawn[None, :]] = np.inf
        means[block] = np.sqrt(np.partition(distances, nearest - 1, axis=1)[:, :nearest]).mean(axis=1)
    return means


def modified_z_scores(values: Numbers) -> Numbers:
    """Deviation from the median, in units of the median absolute deviation scaled to a standard deviation.

    >>> modified_z_scores(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 65.43]
    """
    median = np.median(values)
    deviation = np.median(np.abs(values - median))
    scores: Numbers = 0.6745 * (values - median) / (deviation or 1.0)
    return scores
