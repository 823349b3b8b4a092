"""One number that makes confidences honest (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from core.engine import softmax
from core.labels import Kind
from core.metrics import log_loss

LOWEST, HIGHEST = 0.05, 20.0
_FLOOR = 1e-12


def scores_of(logits: NDArray[Any], *, temperature: float = 1.0, kind: Kind = "single-label") -> NDArray[Any]:
    """(n, k): a distribution a row, or, of several labels, a score of each by itself.

    >>> scores_of(np.array([[0.0, 0.0]]), kind="multi-label").tolist()
    [[0.5, 0.5]]
    """
    scores: NDArray[Any] = (softmax if kind == "single-label" else expit)(logits / temperature)
    return scores


def fit_temperature(logits: NDArray[Any], truth: NDArray[Any], *, kind: Kind = "single-label") -> float:
    """The temperature in 0.05..20 with the least log loss of logits (n, k) against truth, (n,) or (n, k) bool.

    As if one more row had been seen whose label is any of the k, or, of several labels, whose every label is
    as likely there as not: rows that happen to be all right would else make every confidence 1.

    >>> rows = np.array([[4.0, 0.0]] * 400)
    >>> round(fit_temperature(rows, np.array([0, 0, 0, 1] * 100)), 1)  # sure of 98 %, right in 75 %
    3.7
    """
    doubt = 1 / (len(truth) + 1)
    loss_of = _softmax_losses if kind == "single-label" else _sigmoid_losses

    def loss(power: float) -> float:
        seen, of_any = loss_of(scores_of(logits, temperature=exp(power), kind=kind), truth)
        return (1 - doubt) * seen + doubt * of_any

    found = minimize_scalar(loss, bounds=(log(LOWEST), log(HIGHEST)), method="bounded")
    return exp(float(found.x))


def _softmax_losses(scores: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float]:
    """Mean log loss of the truth, and of a label drawn at random."""
    return log_loss(truth, scores), float(-np.log(np.maximum(scores, _FLOOR)).mean())


def _sigmoid_losses(scores: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float]:
    given, not_given = -np.log(np.maximum(scores, _FLOOR)), -np.log(np.maximum(1 - scores, _FLOOR))
    return float(np.where(truth, given, not_given).mean()), float((given + not_given).mean() / 2)
