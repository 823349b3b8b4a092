"""Heads that do not know some of the labels, which show what rows of unknown labels look like."""

from __future__ import annotations

import numpy as np

from core.arrays import Floats, Indices, Numbers
from core.features import Features
from core.left_out import LeftOut, head_features
from finetune.head import Head, fit_head
from finetune.measuring.temperature import fit_temperature

GROUPS = 5
STRENGTH = 10.0
"""scikit-learn's C, where the log loss of most sets is lowest (`finetune.methods.features`)."""


def leave_out(head: Head, train: Floats, truth: Indices, reference: Features, *, seed: int = 0) -> LeftOut | None:
    """Leave each of `GROUPS` random groups of labels out of the head in turn, and describe their reference rows.

    `head`: the package's, divided by its temperature. `train` (n, d): embeddings of training rows with the labels
    `truth` (n,). None without rows to describe, and for tasks of fewer than 3 labels, where none can be left out.
    """
    labels = len(head.bias)
    if labels < 3 or not reference.known.any():
        return None
    embeddings, known = reference.embeddings[reference.known], reference.truth[reference.known].astype(np.int64)
    group_of = np.random.default_rng(seed).permutation(labels) % min(GROUPS, labels)
    features, groups = [], []
    for group in np.unique(group_of[known]):
        kept = np.intersect1d(np.flatnonzero(group_of != group), truth)
        if len(kept) < 2:
            continue
        rows = embeddings[group_of[known] == group]
        features.append(head_features(_without(head, kept, train, truth, embeddings, known, rows)))
        groups.append(np.full(len(rows), group, dtype=np.int64))
    if not features:
        return None
    return LeftOut(head.weight, head.bias, np.concatenate(features), np.concatenate(groups))


def _without(
    head: Head, kept: Indices, train: Floats, truth: Indices, embeddings: Floats, known: Indices, rows: Floats
) -> Numbers:
    """Logits of `rows` by a head for the labels `kept`, with a temperature from the reference rows of these."""
    place = np.full(len(head.bias), -1)
    place[kept] = np.arange(len(kept))
    taught, measured = place[truth] >= 0, place[known] >= 0
    start = Head(head.weight[kept], head.bias[kept])
    fitted = fit_head(train[taught], place[truth[taught]], label_count=len(kept), c=STRENGTH, start=start)
    temperature = (
        fit_temperature(fitted.logits(embeddings[measured]), place[known[measured]]) if measured.any() else 1.0
    )
    logits: Numbers = fitted.logits(rows) / temperature
    return logits
