"""Classification metrics on arrays, for training, export, gate and `retune evaluate`.

`truth` is (n,) label indices, -1 for a label that the model does not know; `probabilities` is (n, k), each row a
distribution. `measure_sets` is for multi-label models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Booleans, Indices, Numbers


@dataclass(frozen=True)
class Metrics:
    rows: int
    accuracy: float
    macro_f1: float
    log_loss: float
    expected_calibration_error: float


def measure(truth: Indices, probabilities: Numbers) -> Metrics:
    """All metrics of at least one row."""
    predicted = probabilities.argmax(axis=1)
    return Metrics(
        rows=len(truth),
        accuracy=accuracy(truth, predicted),
        macro_f1=macro_f1(truth, predicted),
        log_loss=log_loss(truth, probabilities),
        expected_calibration_error=expected_calibration_error(truth, probabilities),
    )


def measure_sets(truth: Booleans, probabilities: Numbers, given: Booleans) -> Metrics:
    """As `measure`, for multi-label models: `truth` and the assigned labels `given` are (n, k).

    Accuracy is subset accuracy: the share of rows whose whole set is right. Macro F1 is the mean over the labels that
    occur. Log loss and calibration error are computed over n * k binary predictions.

    >>> found = measure_sets(np.array([[True, False]]), np.array([[0.5, 0.5]]), np.array([[True, True]]))
    >>> found.accuracy, found.macro_f1, round(found.log_loss, 4)
    (0.0, 0.5, 0.6931)
    """
    right = (truth == given).all(axis=1)
    likelihood = np.where(truth, probabilities, 1 - probabilities).astype(np.float64)
    return Metrics(
        rows=len(truth),
        accuracy=float(np.mean(right)),
        macro_f1=_macro_f1_of_sets(truth, given),
        log_loss=float(-np.log(np.maximum(likelihood, 1e-12)).mean()),
        expected_calibration_error=calibration_error(probabilities.ravel(), truth.ravel()),
    )


def _macro_f1_of_sets(truth: Booleans, given: Booleans) -> float:
    total = truth.sum(axis=0) + given.sum(axis=0)
    hits = (truth & given).sum(axis=0)
    occurring = total > 0
    # 1.0 if no label is true or predicted in any row.
    return float(np.mean(2 * hits[occurring] / total[occurring])) if occurring.any() else 1.0


def accuracy(truth: Indices, predicted: Indices) -> float:
    """Share of correct predictions.

    >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
    0.75
    """
    return float(np.mean(truth == predicted))


def macro_f1(truth: Indices, predicted: Indices) -> float:
    """Mean F1 over the labels that occur in `truth` or in `predicted`.

    >>> macro_f1(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]))
    0.3333333333333333
    """
    scores = []
    for label in np.union1d(truth, predicted):
        hits = np.sum((truth == label) & (predicted == label))
        scores.append(2 * hits / (np.sum(truth == label) + np.sum(predicted == label)))
    return float(np.mean(scores))


def log_loss(truth: Indices, probabilities: Numbers, *, floor: float = 1e-12) -> float:
    """Mean negative log likelihood in nats; an unknown label counts as probability `floor`.

    >>> round(log_loss(np.array([0]), np.array([[0.5, 0.5]])), 4)
    0.6931
    """
    given = probabilities[np.arange(len(truth)), np.maximum(truth, 0)].astype(np.float64)
    return float(-np.mean(np.log(np.where(truth < 0, floor, np.maximum(given, floor)))))


def expected_calibration_error(truth: Indices, probabilities: Numbers, *, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017).

    >>> round(expected_calibration_error(np.array([0, 0]), np.array([[0.9, 0.1], [0.9, 0.1]])), 3)
    0.1
    """
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth, bins=bins)


def calibration_error(confidence: Numbers, correct: Booleans, *, bins: int = 15) -> float:
    """As `expected_calibration_error`, from the confidence of each prediction (n,) and whether it is correct (n,)."""
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = 0.0
    for index in range(bins):
        inside = bin_of == index
        if inside.any():
            gap += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(gap)
