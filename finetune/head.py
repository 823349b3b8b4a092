"""The linear head: logistic regression on embeddings, multinomial or one per label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Numbers
from core.processes.blas import one_blas_thread
from finetune.lbfgs import minimize
from finetune.measuring.truth import Truth

TOLERANCE, MAX_STEPS = 1e-6, 500


@dataclass(frozen=True)
class Head:
    """`weight` (k, d) and `bias` (k,), float32; maps embeddings (n, d) to logits (n, k)."""

    weight: Numbers
    bias: Numbers

    def logits(self, embeddings: Numbers) -> Numbers:
        result: Numbers = embeddings @ self.weight.T + self.bias
        return result


@one_blas_thread()
def fit_head(
    embeddings: Numbers,
    truth: Truth,
    *,
    label_count: int,
    c: float,
    counts: Numbers | None = None,
    start: Head | None = None,
) -> Head:
    """Minimise the mean log loss plus |weight|² / (2 · c · n); every label needs a row.

    `truth` is (n,) label indices, or (n, k) bool if a text may have several labels; then each label is a separate
    logistic regression, and the loss of a row is the sum over its labels. `c` is scikit-learn's C, the inverse of the
    regularisation strength. `counts` (n,) says how many times a row counts, once by default. `start` is where the
    optimiser starts.
    """
    counted = np.ones(len(truth), dtype=np.int64) if counts is None else counts
    problem = _Problem(embeddings, truth, label_count, counted / counted.sum(), 1 / (c * counted.sum()))
    initial = np.zeros((label_count, embeddings.shape[1] + 1))
    if start is not None:
        initial[:, :-1], initial[:, -1] = start.weight, start.bias
    found = minimize(problem.loss_and_gradient, initial.ravel(), tolerance=TOLERANCE, max_steps=MAX_STEPS)
    solution = found.place.reshape(label_count, -1).astype(np.float32)
    return Head(np.ascontiguousarray(solution[:, :-1]), np.ascontiguousarray(solution[:, -1]))


@dataclass(frozen=True)
class _Problem:
    embeddings: Numbers
    truth: Truth
    label_count: int
    shares: Numbers
    decay: float

    def loss_and_gradient(self, point: Numbers) -> tuple[float, Numbers]:
        weights = point.reshape(self.label_count, -1)
        weights32 = weights.astype(np.float32)  # float32 products are faster; only the optimiser needs float64
        logits = self.embeddings @ weights32[:, :-1].T + weights32[:, -1]
        cross_entropy = _binary_cross_entropy if self.truth.ndim == 2 else _cross_entropy
        losses, residual = cross_entropy(logits, self.truth)
        residual *= self.shares[:, None].astype(np.float32)
        gradient = np.empty_like(weights)
        gradient[:, :-1] = residual.T @ self.embeddings + self.decay * weights[:, :-1]
        gradient[:, -1] = residual.sum(axis=0)
        loss = float(np.dot(losses.astype(np.float64), self.shares))
        return loss + self.decay / 2 * float(np.sum(weights[:, :-1] ** 2)), gradient.ravel()


def _cross_entropy(logits: Numbers, truth: Truth) -> tuple[Numbers, Numbers]:
    """(n,) cross-entropy of each row in nats, and its gradient (n, k); overwrites `logits`."""
    logits -= logits.max(axis=1, keepdims=True)
    rows = np.arange(len(truth))
    given = logits[rows, truth]
    residual = np.exp(logits)
    total = residual.sum(axis=1, keepdims=True)
    residual /= total
    residual[rows, truth] -= 1
    return np.log(total[:, 0]) - given, residual


def _binary_cross_entropy(logits: Numbers, truth: Truth) -> tuple[Numbers, Numbers]:
    """(n,) binary cross-entropy of each row in nats, summed over the labels, and its gradient (n, k)."""
    loss = np.logaddexp(0, logits) - logits * truth
    residual: Numbers = (1 / (1 + np.exp(-logits)) - truth).astype(np.float32)
    return loss.sum(axis=1), residual
