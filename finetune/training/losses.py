"""Loss functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.labels import Kind

Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(kind: Kind, *, label_smoothing: float = 0.0, weights: Tensor | None = None) -> Loss:
    """Mean loss in nats of logits (n, k); the truth is label indices (n,), or 0 and 1 (n, k) if multi-label."""
    if kind == "multi-label":
        return _binary(label_smoothing, weights)
    return _categorical(label_smoothing, weights)


def _categorical(label_smoothing: float, weights: Tensor | None) -> Loss:
    inner = nn.CrossEntropyLoss(weight=weights, label_smoothing=label_smoothing, reduction="none")

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        # Torch's weighted mean divides by the sum of the weights; the losses of micro-batches would not add up.
        mean: Tensor = inner(logits, truth).mean()
        return mean

    return loss


def _binary(label_smoothing: float, weights: Tensor | None) -> Loss:
    inner = nn.BCEWithLogitsLoss(pos_weight=weights)

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        soft: Tensor = inner(logits, truth * (1 - label_smoothing) + label_smoothing / 2)
        return soft

    return loss


def class_weights(truth: NDArray[np.generic], labels: int) -> Tensor:
    """Weights (k,) that give every label the same total weight: n / (k · rows of the label).

    If a text may have several labels: the weight of a positive relative to a negative, clipped to 0.05..20.
    """
    if truth.ndim == 2:
        present = np.maximum(truth.sum(axis=0, dtype=np.float64), 1.0)
        return torch.from_numpy(np.clip((len(truth) - present) / present, 0.05, 20.0).astype(np.float32))
    rows = np.maximum(np.bincount(truth.astype(np.int64), minlength=labels), 1)
    return torch.from_numpy((len(truth) / (labels * rows)).astype(np.float32))


def symmetric_kl(first: Tensor, second: Tensor, kind: Kind) -> Tensor:
    """Mean symmetric Kullback-Leibler divergence between two predictions (logits, n × k) of the same rows."""
    if kind == "multi-label":
        first, second = _both_outcomes(first), _both_outcomes(second)
    else:
        first, second = first.log_softmax(-1), second.log_softmax(-1)
    forward = nn.functional.kl_div(first, second, log_target=True, reduction="none")
    backward = nn.functional.kl_div(second, first, log_target=True, reduction="none")
    return (forward + backward).sum(-1).mean() / 2


def _both_outcomes(logits: Tensor) -> Tensor:
    """Log probabilities (n, k, 2) of each label's presence and absence."""
    return torch.stack([nn.functional.logsigmoid(logits), nn.functional.logsigmoid(-logits)], dim=-1)
