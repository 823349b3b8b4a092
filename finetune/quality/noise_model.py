"""How many labels are wrong, and how likely each one is, from what held-out heads say of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from core.metrics import Floats, Indices

MAX_FITTED_ROWS = 20_000
"""Rows that the two numbers are fitted on; more move them by less than their error."""
SIGNIFICANT_GAIN = 2.71
"""Twice the gain in log likelihood that 5 % of data sets without wrong labels exceed: the 0.9 quantile of
chi-square with one degree of freedom, as a rate on its bound of zero has half of it (Self & Liang 1987)."""


LOG_TEMPERATURES = (np.log(0.02), np.log(50))
LOG_RATES = (np.log(1e-5), np.log(0.5))
"""Beyond one half, wrong and right labels would change places."""


@dataclass(frozen=True)
class NoiseModel:
    """`rate` of wrong labels; probabilities (n, k) of each row's right label; wrong (n,), how likely the
    given label of a row is a wrong one.
    """

    rate: float
    temperature: float
    probabilities: Floats
    wrong: Floats


def fit_noise_model(logits: Floats, truth: Indices, *, seed: int = 0) -> NoiseModel:
    """The likeliest temperature and rate of wrong labels for held-out logits (n, k) and given labels (n,).

    A row's right label is drawn from softmax(logits / temperature); with probability `rate` another one,
    any with equal chance, was written down (symmetric noise: Angluin & Laird 1988). Where such noise
    explains the labels no better than chance allows, the rate is 0, and no row is suspected: what a head
    finds hard is then not taken for wrong.
    """
    rows = np.random.default_rng(seed).permutation(len(truth))[:MAX_FITTED_ROWS]
    temperature, rate = _fitted(logits[rows], truth[rows])
    probabilities = _softmax(logits, temperature)
    given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return NoiseModel(rate, temperature, probabilities, _posterior(given, rate, logits.shape[1]))


def _fitted(logits: Floats, truth: Indices) -> tuple[float, float]:
    def loss(temperature: float, rate: float = 0.0) -> float:
        given = _softmax(logits, temperature)[np.arange(len(truth)), truth].astype(np.float64)
        return -float(np.sum(np.log(_likelihood(given, rate, logits.shape[1]) + 1e-30)))

    def minimised(start: list[float]) -> OptimizeResult:
        # Bounds: labels that a head tells apart without fail would ask for no temperature at all.
        return minimize(
            lambda point: loss(np.exp(point[0]), *np.exp(point[1:])),
            start,
            method="Nelder-Mead",
            bounds=[LOG_TEMPERATURES, LOG_RATES][: len(start)],
            # The usual first steps are 5 % of the start, and next to nothing from 0.
            options={"xatol": 1e-3, "fatol": 1e-2, "initial_simplex": _initial_simplex(start)},
        )

    clean = minimised([0.0])
    # Without the wrong labels the right ones ask for a lower temperature, and the search is not to miss it.
    noisy = min((minimised([clean.x[0] + step, np.log(0.03)]) for step in (0.0, -1.0)), key=lambda found: found.fun)
    if 2 * (clean.fun - noisy.fun) < SIGNIFICANT_GAIN:
        return float(np.exp(clean.x[0])), 0.0
    return float(np.exp(noisy.x[0])), float(np.exp(noisy.x[1]))


def _initial_simplex(start: list[float]) -> Floats:
    """The start, and one step of 0.5 away from it in each direction."""
    point = np.array(start)
    return np.vstack([point, point - 0.5 * np.eye(len(point))])


def _likelihood(given: Floats, rate: float, label_count: int) -> Floats:
    return (1 - rate) * given + rate * (1 - given) / (label_count - 1)


def _posterior(given: Floats, rate: float, label_count: int) -> Floats:
    """
    >>> _posterior(np.array([0.9, 0.001]), 0.05, 2).round(3).tolist()
    [0.006, 0.981]
    """
    likelihood = _likelihood(given, rate, label_count)
    wrong: Floats = rate * (1 - given) / (label_count - 1) / np.maximum(likelihood, 1e-30)
    return wrong


def _softmax(logits: Floats, temperature: float) -> Floats:
    scaled = (logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    probabilities: Floats = scaled
    return probabilities
