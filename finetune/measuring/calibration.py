"""Calibration: confidence against accuracy.

An event of a single-label model is a row: the confidence of the prediction, and whether it is correct. An event of a
multi-label model is a pair of row and label: the score, and whether the row has the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.arrays import Booleans, Indices, Numbers

BINS = 15


@dataclass(frozen=True)
class CalibrationBin:
    """`count` events with a confidence from `low` to `high`: mean confidence, and share with a positive outcome."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


def events(truth: NDArray[np.generic], probabilities: Numbers) -> tuple[Numbers, Booleans]:
    """Confidence and outcome of every event; `truth` is (n,) label indices or (n, k) bool.

    >>> events(np.array([1]), np.array([[0.1, 0.9]]))
    (array([0.9]), array([ True]))
    """
    if truth.ndim == 2:
        return probabilities.ravel(), truth.ravel().astype(np.bool_)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == truth


def bin_index(confidence: Numbers, *, bins: int = BINS) -> Indices:
    """(n,) the bin of each confidence in 0..1; the bins have equal width."""
    indices: Indices = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    return indices


def calibration_table(truth: NDArray[np.generic], probabilities: Numbers, *, bins: int = BINS) -> list[CalibrationBin]:
    """The non-empty bins of the reliability diagram (Guo et al. 2017), from low to high confidence."""
    confidence, outcome = events(truth, probabilities)
    indices = bin_index(confidence, bins=bins)
    counts = np.bincount(indices, minlength=bins)
    confidences = np.bincount(indices, weights=confidence.astype(np.float64), minlength=bins)
    outcomes = np.bincount(indices, weights=outcome.astype(np.float64), minlength=bins)
    return [
        CalibrationBin(
            low=index / bins,
            high=(index + 1) / bins,
            confidence=float(confidences[index] / counts[index]),
            accuracy=float(outcomes[index] / counts[index]),
            count=int(counts[index]),
        )
        for index in np.flatnonzero(counts).tolist()
    ]


def calibration_error(table: list[CalibrationBin]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over the events.

    >>> calibration_error([CalibrationBin(0.5, 0.6, 0.55, 0.45, 10), CalibrationBin(0.9, 1.0, 1.0, 1.0, 10)])
    0.05
    """
    rows = sum(entry.count for entry in table)
    return round(sum(entry.count * abs(entry.accuracy - entry.confidence) for entry in table) / rows, 12)
