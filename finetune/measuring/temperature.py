"""Temperature scaling, which calibrates confidences (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np

from core.arrays import Numbers
from core.engine import sigmoid, softmax
from core.labels import Kind
from finetune.measuring.truth import Truth, row_losses

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
GOLDEN, PRECISION = (sqrt(5) - 1) / 2, 1e-5


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

    return exp(_lowest(loss, log(MIN_TEMPERATURE), log(MAX_TEMPERATURE)))


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum is lowest, by golden-section search (Kiefer 1953)."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > PRECISION:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2


def _prior_loss(probabilities: Numbers, kind: Kind) -> float:
    """Mean log loss of a row whose outcomes are all equally probable."""
    outcomes = [probabilities, 1 - probabilities] if kind == "multi-label" else [probabilities]
    return float(-np.mean([np.log(np.maximum(outcome, 1e-12)).mean() for outcome in outcomes]))
