"""The linear head: multinomial logistic regression on embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """weight (k, d) and bias (k,), float32; logits (n, k) of embeddings (n, d)."""

    weight: Floats
    bias: Floats

    def logits(self, embeddings: Floats) -> Floats:
        result: Floats = embeddings @ self.weight.T + self.bias
        return result


def fit_head(embeddings: Floats, truth: Indices, *, labels: int, strength: float, start: Head | None = None) -> Head:
    """The head of least mean log loss plus |weight|² / (2 · strength · n); every label needs a row.

    `strength` is the C of scikit-learn. On banking77 (10,000 rows, 77 labels) 99.96 % of the labels are
    those of its solver, which took 14 s where this takes 6 s (best runs of each on a busy machine).
    """
    problem = _Problem(embeddings, truth, labels, 1 / (strength * len(truth)))
    first = np.zeros((labels, embeddings.shape[1] + 1))
    if start is not None:
        first[:, :-1], first[:, -1] = start.weight, start.bias
    found = minimize(
        problem.loss_and_gradient,
        first.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 300, "gtol": 1e-5, "ftol": 1e-9},
    )
    solution = found.x.reshape(labels, -1).astype(np.float32)
    return Head(np.ascontiguousarray(solution[:, :-1]), np.ascontiguousarray(solution[:, -1]))


@dataclass(frozen=True)
class _Problem:
    embeddings: Floats
    truth: Indices
    labels: int
    decay: float

    def loss_and_gradient(self, point: NDArray[np.float64]) -> tuple[float, NDArray[Any]]:
        weights = point.reshape(self.labels, -1)
        narrow = weights.astype(np.float32)  # float32 products: the optimiser alone needs more digits
        logits = self.embeddings @ narrow[:, :-1].T + narrow[:, -1]
        logits -= logits.max(axis=1, keepdims=True)
        rows = np.arange(len(self.truth))
        given = logits[rows, self.truth]
        residual = np.exp(logits)
        total = residual.sum(axis=1, keepdims=True)
        loss = float(np.mean(np.log(total[:, 0]) - given, dtype=np.float64))
        residual /= total
        residual[rows, self.truth] -= 1
        residual /= len(rows)
        gradient = np.empty_like(weights)
        gradient[:, :-1] = residual.T @ self.embeddings + self.decay * weights[:, :-1]
        gradient[:, -1] = residual.sum(axis=0)
        return loss + self.decay / 2 * float(np.sum(weights[:, :-1] ** 2)), gradient.ravel()
