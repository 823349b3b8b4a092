"""The same labels in other words: words that the reference lacks, and words that come more or less often in a label."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

from core.arrays import Doubles, Indices
from core.changes import Change, KindName
from core.texts.form import TextForm
from core.texts.summary import (
    MIN_TEXTS,
    UNSEEN_BINS,
    TextSummary,
    labels_of,
    length_counts,
    unseen_counts,
    unseen_shares,
)
from monitoring.change.compared import Compared
from monitoring.change.kind import Found
from monitoring.change.reference_words import expected_words
from monitoring.change.significance import LEVEL, cumulative_gap
from monitoring.change.words import counted
from monitoring.wording import listed, share

LEAST_ROWS = 0.02
"""A word is said to have risen or fallen from this share of the rows on."""
LEAST_RISE = 0.02
"""Rise of the mean share of rare words in a text from which on it is said."""
WORDS, EXAMPLES = 8, 3


class Wording:
    name: KindName = "wording"
    is_drift = True

    def find(self, compared: Compared) -> Found | None:
        summary = compared.summary
        rows: Indices = np.flatnonzero(compared.open).astype(np.int64)
        if summary is None or compared.forms is None or not len(rows):
            return None
        seen = set(summary.words.tolist())
        shares = unseen_shares([compared.hashed[row] for row in rows], seen)
        gap, p_value = cumulative_gap(unseen_counts(shares), summary.unseen)
        rose, fell, most = _moved(compared, summary, compared.forms, rows)
        # A longer text moves the distribution of the shares, but not their mean.
        is_unseen = gap < 0 and p_value <= LEVEL / 2 and _mean_rose(unseen_counts(shares), summary.unseen)
        if not is_unseen and not rose and not fell:
            return None
        order = rows[np.argsort(-shares, kind="stable")]
        change = Change(
            self.name,
            max(-gap if is_unseen else 0.0, most),
            min(2 * p_value, 1.0) if is_unseen else LEVEL,
            _sentence(shares, summary, is_unseen, rose, fell),
            examples=[compared.ids[row] for row in order[:EXAMPLES]] if is_unseen else [],
            rose=rose,
            fell=fell,
        )
        return Found(change, np.zeros(compared.window.rows, dtype=np.bool_))


def _mean_rose(window: Indices, reference: Indices) -> bool:
    """Whether the mean of a histogram over `UNSEEN_BINS` is greater by `LEAST_RISE` and significantly so."""
    (now, spread), (before, spread_before) = _mean_and_error(window), _mean_and_error(reference)
    least = NormalDist().inv_cdf(1 - LEVEL / 2) * sqrt(spread + spread_before)
    return now - before >= max(LEAST_RISE, least)


def _mean_and_error(counts: Indices) -> tuple[float, float]:
    """The mean, and its squared standard error."""
    shares, rows = np.linspace(0, 1, UNSEEN_BINS), max(int(counts.sum()), 1)
    mean = float(counts @ shares) / rows
    return mean, float(counts @ (shares - mean) ** 2) / rows**2


def _moved(
    compared: Compared, summary: TextSummary, forms: Sequence[TextForm], rows: Indices
) -> tuple[list[str], list[str], float]:
    """Words that rose and fell within the labels, most significant first, and the largest change of a share."""
    labels = labels_of(compared.window.predicted)[rows]
    label_rows = np.bincount(labels, minlength=len(summary.label_rows)).astype(np.int64)
    length = _mean_length(length_counts([forms[row] for row in rows])) / max(_mean_length(summary.lengths), 1.0)
    keys, expected, variance = expected_words(summary, label_rows, length=length)
    counts = counted(compared.hashed[row] for row in rows)
    found = np.array([counts[int(key)] for key in keys], dtype=np.float64)
    change = found - expected
    scores = change / np.sqrt(variance + 1)
    least = NormalDist().inv_cdf(1 - LEVEL / (4 * max(len(keys), 1)))
    is_moved = (np.abs(scores) >= least) & (np.abs(change) >= LEAST_ROWS * len(rows))
    order = [index for index in np.argsort(-np.abs(scores), kind="stable") if is_moved[index]]
    names = compared.names
    rose = [names[int(keys[index])] for index in order if scores[index] > 0 and found[index] >= MIN_TEXTS]
    fell = [names[key] for index in order if scores[index] < 0 and (key := int(keys[index])) in names]
    most = float(np.abs(change[is_moved]).max(initial=0.0)) / len(rows)
    return rose[:WORDS], fell[:WORDS], most


def _mean_length(counts: Indices) -> float:
    return float(counts @ np.arange(len(counts))) / max(int(counts.sum()), 1)


def _sentence(shares: Doubles, summary: TextSummary, is_unseen: bool, rose: list[str], fell: list[str]) -> str:
    parts = []
    if is_unseen:
        before = float(summary.unseen @ np.arange(UNSEEN_BINS)) / (UNSEEN_BINS - 1) / max(summary.rows, 1)
        parts.append(
            f"{share(float(shares.mean()))} of a text's words are rare in the reference (before: {share(before)})"
        )
    parts += [
        f"{verb} {listed([repr(word) for word in words])}"
        for verb, words in (("more often", rose), ("less often", fell))
        if words
    ]
    return f"The labels are put in other words: {'; '.join(parts)}."
