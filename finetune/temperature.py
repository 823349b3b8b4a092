"""One number that makes confidences honest (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from core.engine import softmax
from core.metrics import log_loss

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: NDArray[Any], truth: NDArray[np.int64]) -> float:
    """The temperature in 0.05..20 with the least log loss of logits (n, k) against truth (n,).

    As if one more row had been seen whose label is any of the k: rows that happen to be all right
    would else make every confidence 1.

    >>> rows = np.array([[4.0, 0.0]] * 400)
    >>> round(fit_temperature(rows, np.array([0, 0, 0, 1] * 100)), 1)  # sure of 98 %, right in 75 %
    3.7
    """
    doubt = 1 / (len(truth) + 1)

    def loss(power: float) -> float:
        probabilities = softmax(logits / exp(power))
        of_any = -np.log(np.maximum(probabilities, 1e-12)).mean()
        return float((1 - doubt) * log_loss(truth, probabilities) + doubt * of_any)

    found = minimize_scalar(loss, bounds=(log(LOWEST), log(HIGHEST)), method="bounded")
    return exp(float(found.x))
