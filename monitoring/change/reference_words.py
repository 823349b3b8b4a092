"""How often the words of a reference come, overall and under the shares of labels of a window."""

from __future__ import annotations

from collections import Counter

import numpy as np

from core.arrays import Doubles, Indices
from core.texts.summary import TextSummary


def reference_words(summary: TextSummary | None) -> Counter[int]:
    """Number of the reference's texts with each word that is counted."""
    found: Counter[int] = Counter()
    if summary is not None:
        for key, count in zip(summary.words.tolist(), summary.word_rows.tolist(), strict=True):
            found[key] += count
    return found


def expected_words(summary: TextSummary, label_rows: Indices, *, length: float) -> tuple[Indices, Doubles, Doubles]:
    """Hashes of the words (w,), number of the window's texts expected to have each, and its variance.

    `label_rows` (k,): the window's texts by predicted label. Within a label a word is as frequent as in the reference;
    a label that the reference lacks is left out. `length`: mean length of the window's texts in those of the
    reference, by which a text has more chances to hold a word. The variance is of both counts.
    """
    keys, places = np.unique(summary.words, return_inverse=True)
    before = np.maximum(summary.label_rows, 1)[summary.word_labels].astype(np.float64)
    now = label_rows[summary.word_labels].astype(np.float64)
    shares = 1 - (1 - summary.word_rows / before) ** length
    smooth = 1 - (1 - (summary.word_rows + 0.5) / (before + 1)) ** length
    mean = np.bincount(places, shares * now, minlength=len(keys)).astype(np.float64)
    spread = np.bincount(places, smooth * (1 - smooth) * (now + now**2 / before), minlength=len(keys))
    return keys.astype(np.int64), mean, spread.astype(np.float64)
