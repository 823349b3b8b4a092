"""One number that makes confidences honest (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

from math import exp, log

import numpy as np
from scipy.optimize import minimize_scalar

from core.engine import sigmoid, softmax
from core.labels import Kind
from core.metrics import Floats
from finetune.measuring.metrics import Truth, row_losses

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0


def probabilities_of(logits: Floats, temperature: float, kind: Kind) -> Floats:
    """Scores (n, k) of logits (n, k): a distribution a row, or, of several labels, each by itself."""
    return (softmax if kind == "single-label" else sigmoid)(logits / temperature)


def fit_temperature(logits: Floats, truth: Truth) -> float:
    """The temperature in 0.05..20 with the least log loss of logits (n, k) against truth.

    `truth` is (n,) label indices, or (n, k) bool where a text may have several labels. As if one more row
    had been seen whose label is any of the k: rows that happen to be all right would else make every
    confidence 1.

    >>> rows = np.array([[4.0, 0.0]] * 400)
    >>> round(fit_temperature(rows, np.array([0, 0, 0, 1] * 100)), 1)  # sure of 98 %, right in 75 %
    3.7
    """
    prior_weight = 1 / (len(truth) + 1)
    kind: Kind = "multi-label" if truth.ndim == 2 else "single-label"

    def loss(log_temperature: float) -> float:
        probabilities = probabilities_of(logits, exp(log_temperature), kind)
        return (1 - prior_weight) * float(row_losses(truth, probabilities).mean()) + prior_weight * _prior_loss(
            probabilities, kind
        )

    found = minimize_scalar(loss, bounds=(log(MIN_TEMPERATURE), log(MAX_TEMPERATURE)), method="bounded")
    return exp(float(found.x))


def _prior_loss(probabilities: Floats, kind: Kind) -> float:
    """Mean log loss where any outcome may be the true one."""
    outcomes = [probabilities, 1 - probabilities] if kind == "multi-label" else [probabilities]
    return float(-np.mean([np.log(np.maximum(outcome, 1e-12)).mean() for outcome in outcomes]))
