"""Logits of every row from heads that were not fitted on its text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.arrays import Indices, Numbers
from core.progress import Progress, ignore
from finetune.head import fit_head
from finetune.quality.limits import Limits

STAGE = "Looking for wrong labels"
C = 3.0
"""Stronger regularisation than is best for accuracy, so that the heads do not fit single wrong labels."""


def held_out_logits(
    embeddings: Numbers,
    truth: Indices,
    groups: Sequence[str],
    limits: Limits,
    *,
    label_count: int,
    seed: int,
    on_progress: Progress = ignore,
) -> Numbers:
    """(n, k) logits of embeddings (n, d); every label needs rows in `limits.folds` groups.

    The rows of a group, such as copies of a text, are in the same fold.
    """
    rng = np.random.default_rng(seed)
    fold_of = _folds(truth, groups, folds=limits.folds, rng=rng)
    logits = np.zeros((len(truth), label_count), dtype=np.float32)
    for fold in range(limits.folds):
        rest = _stratified_sample(np.flatnonzero(fold_of != fold), truth, limit=limits.max_fitted_rows, rng=rng)
        head = fit_head(embeddings[rest], truth[rest], label_count=label_count, c=C)
        scored = fold_of == fold
        logits[scored] = head.logits(embeddings[scored])
        on_progress(STAGE, (fold + 1) / limits.folds)
    return logits


def _folds(truth: Indices, groups: Sequence[str], *, folds: int, rng: np.random.Generator) -> Indices:
    """(n,) the fold of each row; the groups of each label are distributed evenly."""
    first_row: dict[str, int] = {}
    for row, group in enumerate(groups):
        first_row.setdefault(group, row)
    rows = rng.permutation(np.array(list(first_row.values())))
    by_label = rows[np.argsort(truth[rows], kind="stable")]
    fold_of_group = {groups[row]: position % folds for position, row in enumerate(by_label.tolist())}
    return np.array([fold_of_group[group] for group in groups], dtype=np.int64)


def _stratified_sample(rows: Indices, truth: Indices, *, limit: int, rng: np.random.Generator) -> Indices:
    """About `limit` rows with the label shares of `rows`, at least one per label; all rows if there are fewer."""
    if len(rows) <= limit:
        return rows
    shuffled = rng.permutation(rows)
    by_label = shuffled[np.argsort(truth[shuffled], kind="stable")]
    rank = np.arange(len(by_label)) - np.searchsorted(truth[by_label], truth[by_label])
    sizes = np.bincount(truth[by_label])[truth[by_label]]
    kept: Indices = by_label[rank < np.maximum(1, np.ceil(sizes * limit / len(rows)))]
    return kept
