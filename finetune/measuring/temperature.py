"""Temperature scaling, which calibrates confidences (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

from math import exp, log

import numpy as np
from scipy.optimize import minimize_scalar

from core.arrays import Numbers
from core.engine import sigmoid, softmax
from core.labels import Kind
from finetune.measuring.truth import Truth, row_losses

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0


def probabilities_of(logits: Numbers, temperature: float, kind: Kind) -> Numbers:
    """Scores (n, k) of logits (n, k): softmax per row, or sigmoid if multi-label."""
    return (softmax if kind == "single-label" else sigmoid)(logits / temperature)


def fit_temperature(logits: Numbers, truth: Truth) -> float:
    """The temperature in 0.05..20 that minimises the log loss of logits (n, k).

    `truth` is (n,) label indices, or (n, k) bool if a text may have several labels. One additional row with uniform
    label probabilities is the prior: without it, every confidence would become 1 if all rows happen to be correct.

    >>> rows = np.array([[4.0, 0.0]] * 400)
    >>> round(fit_temperature(rows, np.array([0, 0, 0, 1] * 100)), 1)  # confidence 98 %, accuracy 75 %
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


def _prior_loss(probabilities: Numbers, kind: Kind) -> float:
    """Mean log loss of a row whose outcomes are all equally probable."""
    outcomes = [probabilities, 1 - probabilities] if kind == "multi-label" else [probabilities]
    return float(-np.mean([np.log(np.maximum(outcome, 1e-12)).mean() for outcome in outcomes]))
