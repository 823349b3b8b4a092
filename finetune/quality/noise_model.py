"""A model of label noise: the rate of wrong labels, and the probability that each label is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from core.arrays import Indices, Numbers

MAX_FITTED_ROWS = 20_000
"""Maximum rows to fit temperature and rate; more rows change the estimates by less than their standard errors."""
SIGNIFICANT_GAIN = 2.71
"""Likelihood ratio statistic (twice the gain in log likelihood) at the 5 % level: the 0.9 quantile of chi-square with
one degree of freedom, because the rate is at its bound of zero under the null hypothesis (Self & Liang 1987)."""


LOG_TEMPERATURES = (np.log(0.02), np.log(50))
LOG_RATES = (np.log(1e-5), np.log(0.5))
"""At rates above one half, most labels would be wrong."""


@dataclass(frozen=True)
class NoiseModel:
    """`rate` of wrong labels; `probabilities` (n, k) of the true label; `wrong` (n,), probability of a wrong label."""

    rate: float
    temperature: float
    probabilities: Numbers
    wrong: Numbers


def fit_noise_model(logits: Numbers, truth: Indices, *, seed: int = 0) -> NoiseModel:
    """Maximum likelihood estimate of temperature and noise rate from held-out logits (n, k) and given labels (n,).

    The model: the true label is drawn from softmax(logits / temperature); with probability `rate` it is replaced by
    another label, uniformly (symmetric noise: Angluin & Laird 1988). If the noise does not improve the likelihood
    significantly, the rate is 0 and no row is suspected, so that difficult rows do not count as wrong.
    """
    rows = np.random.default_rng(seed).permutation(len(truth))[:MAX_FITTED_ROWS]
    temperature, rate = _fitted(logits[rows], truth[rows])
    probabilities = _softmax(logits, temperature)
    given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return NoiseModel(rate, temperature, probabilities, _posterior(given, rate, logits.shape[1]))


def _fitted(logits: Numbers, truth: Indices) -> tuple[float, float]:
    def loss(temperature: float, rate: float = 0.0) -> float:
        given = _softmax(logits, temperature)[np.arange(len(truth)), truth].astype(np.float64)
        return -float(np.sum(np.log(_likelihood(given, rate, logits.shape[1]) + 1e-30)))

    def minimised(start: list[float]) -> OptimizeResult:
        # With bounds: if the head makes no error, the best temperature would be 0.
        return minimize(
            lambda point: loss(np.exp(point[0]), *np.exp(point[1:])),
            start,
            method="Nelder-Mead",
            bounds=[LOG_TEMPERATURES, LOG_RATES][: len(start)],
            # scipy's default first steps are 5 % of the start, almost nothing for a start of 0.
            options={"xatol": 1e-3, "fatol": 1e-2, "initial_simplex": _initial_simplex(start)},
        )

    clean = minimised([0.0])
    # Two start temperatures: if noise explains the wrong labels, the best temperature may be lower than without noise.
    noisy = min((minimised([clean.x[0] + step, np.log(0.03)]) for step in (0.0, -1.0)), key=lambda found: found.fun)
    if 2 * (clean.fun - noisy.fun) < SIGNIFICANT_GAIN:
        return float(np.exp(clean.x[0])), 0.0
    return float(np.exp(noisy.x[0])), float(np.exp(noisy.x[1]))


def _initial_simplex(start: list[float]) -> Numbers:
    """The start, and one point per dimension at a distance of 0.5."""
    point = np.array(start)
    return np.vstack([point, point - 0.5 * np.eye(len(point))])


def _likelihood(given: Numbers, rate: float, label_count: int) -> Numbers:
    return (1 - rate) * given + rate * (1 - given) / (label_count - 1)


def _posterior(given: Numbers, rate: float, label_count: int) -> Numbers:
    """
    >>> _posterior(np.array([0.9, 0.001]), 0.05, 2).round(3).tolist()
    [0.006, 0.981]
    """
    likelihood = _likelihood(given, rate, label_count)
    wrong: Numbers = rate * (1 - given) / (label_count - 1) / np.maximum(likelihood, 1e-30)
    return wrong


def _softmax(logits: Numbers, temperature: float) -> Numbers:
    scaled = (logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    probabilities: Numbers = scaled
    return probabilities
