"""Fits a head on embeddings, and chooses its regularisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.arrays import Indices, Numbers
from core.datasets import Example
from core.features import truth_matrix, truth_of
from core.labels import Kind
from core.processes.blas import one_blas_thread
from finetune.head import Head, fit_head
from finetune.measuring.temperature import fit_temperature, probabilities_of
from finetune.measuring.thresholds import tune_thresholds
from finetune.measuring.truth import Truth, row_losses

C_VALUES = (3.0, 10.0, 30.0, 100.0, 300.0)
"""From strong to weak regularisation, as in `finetune.methods.features`."""

SELECTION_ROWS = 4_000
"""Maximum rows on which the regularisation is chosen: of 12,000 rows with 150 labels each fit takes ten seconds."""


@dataclass(frozen=True)
class ExtraRows:
    """Embeddings (s, d) of rows that nobody labelled, with the label `truth` (s,) that each is learned with and how
    much it counts: unlabelled rows near labelled ones, and names of labels.
    """

    embeddings: Numbers
    truth: Indices
    counts: Numbers


@dataclass(frozen=True)
class EmbeddedRows:
    """Embeddings (n, d) and truth of the training rows, with how often each counts, and of the validation rows.

    The regularisation is chosen without the `extra` rows: their labels are not certain.
    """

    train: Numbers
    truth: Truth
    counts: Numbers
    validation: Numbers
    validation_truth: Truth
    extra: ExtraRows | None = None

    @property
    def all(self) -> tuple[Numbers, Truth, Numbers]:
        """Embeddings, truth and counts of the training rows and of the extra ones."""
        rows, extra = (self.train, self.truth, self.counts), self.extra
        if extra is None:
            return rows
        both = zip(rows, (extra.embeddings, extra.truth, extra.counts), strict=True)
        embeddings, truth, counts = (np.concatenate(parts) for parts in both)
        return embeddings, truth, counts


@dataclass(frozen=True)
class FittedHead:
    """`probabilities`, (n, k), are those of the validation rows; `thresholds`, (k,), of a multi-label model."""

    head: Head
    strength: float
    temperature: float
    probabilities: Numbers
    thresholds: Numbers | None
    history: list[dict[str, Any]]

    def with_head(self, head: Head, validation: Numbers, truth: Truth, step: dict[str, Any]) -> FittedHead:
        """Of one label a text, with another head that a `step` made; `validation`: (n, d), with its `truth`."""
        logits = head.logits(validation)
        temperature = fit_temperature(logits, truth)
        probabilities = probabilities_of(logits, temperature, "single-label")
        return FittedHead(head, self.strength, temperature, probabilities, None, [*self.history, step])


def truth_in(rows: Sequence[Example], labels: Sequence[str], kind: Kind) -> Truth:
    """The labels of the rows: (n,) indices, or (n, k) bool."""
    return truth_matrix(rows, labels) if kind == "multi-label" else truth_of(rows, labels)


@one_blas_thread()
def fit(rows: EmbeddedRows, *, labels: int, kind: Kind, seed: int, like: FittedHead | None = None) -> FittedHead:
    """The head, with its temperature and thresholds from the validation rows.

    `like`: a head for a part of the rows, whose regularisation is taken instead of choosing one.
    """
    if like is None:
        chosen, history = _chosen(rows, labels=labels, kind=kind, seed=seed)
        strength, start = chosen.strength, chosen.head
    else:
        strength, start, history = like.strength, like.head, like.history
    embeddings, truth, counts = rows.all
    head = fit_head(embeddings, truth, label_count=labels, c=strength, counts=counts, start=start)
    logits = head.logits(rows.validation)
    temperature = fit_temperature(logits, rows.validation_truth)
    probabilities = probabilities_of(logits, temperature, kind)
    thresholds = tune_thresholds(probabilities, rows.validation_truth) if kind == "multi-label" else None
    return FittedHead(head, strength, temperature, probabilities, thresholds, history)


@dataclass(frozen=True)
class _Step:
    """A head fitted on a part of the training rows; `losses` of the others, in nats."""

    strength: float
    head: Head
    losses: Numbers

    def is_worse_than(self, other: _Step) -> bool:
        """By more than one standard error of the difference."""
        difference = self.losses - other.losses
        return bool(difference.mean() > difference.std() / np.sqrt(len(difference)) + 1e-9)


def _chosen(rows: EmbeddedRows, *, labels: int, kind: Kind, seed: int) -> tuple[_Step, list[dict[str, Any]]]:
    """The strongest regularisation whose loss is within one standard error of the lowest (Breiman et al. 1984), and
    the history.

    Measured on a fifth of the training rows, which the heads compared here are not fitted on.
    """
    place = np.random.default_rng(seed).permutation(len(rows.truth))
    fifth = min(len(rows.truth), SELECTION_ROWS) // 5
    held, kept = place < fifth, (place >= fifth) & (place < SELECTION_ROWS)
    if rows.truth.ndim == 1:  # rows of a label that would have no other row
        kept |= ~np.isin(rows.truth, rows.truth[kept])
    part, truth = (rows.train[kept], rows.truth[kept]), rows.truth[held]
    steps: list[_Step] = []
    history = []
    for c in C_VALUES:
        start = steps[-1].head if steps else None
        head = fit_head(*part, label_count=labels, c=c, counts=rows.counts[kept], start=start)
        logits = head.logits(rows.train[held])
        probabilities = probabilities_of(logits, fit_temperature(logits, truth), kind)
        steps.append(_Step(c, head, row_losses(truth, probabilities)))
        facts = {"accuracy": _accuracy(truth, probabilities), "validation_loss": float(steps[-1].losses.mean())}
        history.append({"step": "head", "strength": c, **facts})
        least = min(steps, key=lambda step: step.losses.mean())
        if least is not steps[-1]:
            break
    return next(step for step in steps if not step.is_worse_than(least)), history


def _accuracy(truth: Truth, probabilities: Numbers) -> float:
    if truth.ndim == 1:
        return float(np.mean(probabilities.argmax(axis=1) == truth))
    return float(np.mean(((probabilities >= 0.5) == truth).all(axis=1)))
