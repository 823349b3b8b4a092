"""The linear head: logistic regression on embeddings, multinomial or one per label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from core.arrays import Numbers
from core.blas import one_blas_thread
from finetune.measuring.truth import Truth


@dataclass(frozen=True)
class Head:
    """`weight` (k, d) and `bias` (k,), float32; maps embeddings (n, d) to logits (n, k)."""

    weight: Numbers
    bias: Numbers

    def logits(self, embeddings: Numbers) -> Numbers:
        result: Numbers = embeddings @ self.weight.T + self.bias
        return result


@one_blas_thread()
def fit_head(embeddings: Numbers, truth: Truth, *, label_count: int, c: float, start: Head | None = None) -> Head:
    """Minimise the mean log loss plus |weight|² / (2 · c · n); every label needs a row.

    `truth` is (n,) label indices, or (n, k) bool if a text may have several labels; then each label is a separate
    logistic regression, and the loss of a row is the sum over its labels. `c` is scikit-learn's C, the inverse of the
    regularisation strength. `start` is where the optimiser starts. On banking77 (10,000 rows, 77 labels) 99.96 % of
    the predictions are equal to scikit-learn's, which takes 14 s; this function takes 6 s (best of several runs).
    """
    problem = _Problem(embeddings, truth, label_count, 1 / (c * len(truth)))
    initial = np.zeros((label_count, embeddings.shape[1] + 1))
    if start is not None:
        initial[:, :-1], initial[:, -1] = start.weight, start.bias
    found = minimize(
        problem.loss_and_gradient,
        initial.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 300, "gtol": 1e-5, "ftol": 1e-9},
    )
    solution = found.x.reshape(label_count, -1).astype(np.float32)
    return Head(np.ascontiguousarray(solution[:, :-1]), np.ascontiguousarray(solution[:, -1]))


@dataclass(frozen=True)
class _Problem:
    embeddings: Numbers
    truth: Truth
    label_count: int
    decay: float

    def loss_and_gradient(self, point: Numbers) -> tuple[float, Numbers]:
        weights = point.reshape(self.label_count, -1)
        weights32 = weights.astype(np.float32)  # float32 products are faster; only the optimiser needs float64
        logits = self.embeddings @ weights32[:, :-1].T + weights32[:, -1]
        cross_entropy = _binary_cross_entropy if self.truth.ndim == 2 else _cross_entropy
        loss, residual = cross_entropy(logits, self.truth)
        residual /= len(self.truth)
        gradient = np.empty_like(weights)
        gradient[:, :-1] = residual.T @ self.embeddings + self.decay * weights[:, :-1]
        gradient[:, -1] = residual.sum(axis=0)
        return loss + self.decay / 2 * float(np.sum(weights[:, :-1] ** 2)), gradient.ravel()


def _cross_entropy(logits: Numbers, truth: Truth) -> tuple[float, Numbers]:
    """Mean cross-entropy in nats, and n times its gradient (n, k); overwrites `logits`."""
    logits -= logits.max(axis=1, keepdims=True)
    rows = np.arange(len(truth))
    given = logits[rows, truth]
    residual = np.exp(logits)
    total = residual.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0]) - given, dtype=np.float64))
    residual /= total
    residual[rows, truth] -= 1
    return loss, residual


def _binary_cross_entropy(logits: Numbers, truth: Truth) -> tuple[float, Numbers]:
    """Mean over the rows of the summed binary cross-entropy in nats, and n times its gradient (n, k)."""
    loss = np.logaddexp(0, logits) - logits * truth
    residual: Numbers = (1 / (1 + np.exp(-logits)) - truth).astype(np.float32)
    return float(np.mean(loss.sum(axis=1), dtype=np.float64)), residual
