"""The metrics of a model's predictions, with intervals, for selection, reports and model cards.

In all functions `truth` is (n,) label indices, -1 for a label unknown to the model (every prediction is then wrong),
or (n, k) bool if a row may have several labels; `probabilities` is (n, k). `core.metrics` computes equal values for
serving, without scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn import metrics as sklearn_metrics

from core import metrics as core_metrics
from core.arrays import Indices, Numbers
from core.errors import NoRows, UnknownMetric
from core.labels import Kind
from finetune.measuring.bootstrap import Interval, bootstrap_intervals
from finetune.measuring.calibration import calibration_error, calibration_table
from finetune.measuring.confusion import Confusion, confusion_of
from finetune.measuring.truth import FLOOR, Truth, predicted_labels, row_losses

METRIC_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "weighted_f1": "weighted F1",
    "roc_auc": "area under ROC",
    "hamming_loss": "Hamming loss",
    "log_loss": "log loss",
    "brier": "Brier score",
    "expected_calibration_error": "expected calibration error",
}
"""Displayed names, in the order of reports."""

"""Minimum probability in a log loss; lower probabilities are clipped."""


@dataclass(frozen=True)
class PrimaryMetric:
    """A metric for model selection, and the kinds of task that it applies to."""

    higher_is_better: bool
    kinds: tuple[Kind, ...] = ("single-label", "multi-label")


PRIMARY_METRICS = {
    "accuracy": PrimaryMetric(higher_is_better=True),
    "macro_f1": PrimaryMetric(higher_is_better=True),
    "weighted_f1": PrimaryMetric(higher_is_better=True),
    "log_loss": PrimaryMetric(higher_is_better=False),
    "micro_f1": PrimaryMetric(higher_is_better=True, kinds=("multi-label",)),
    "subset_accuracy": PrimaryMetric(higher_is_better=True, kinds=("multi-label",)),
}


@dataclass(frozen=True)
class LabelScores:
    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Evaluation:
    """All metrics of n predictions: `values` by name, and 95 % bootstrap `intervals` of some metrics.

    The "accuracy" of a multi-label model is the subset accuracy, as in scikit-learn.
    """

    kind: Kind
    rows: int
    values: dict[str, float]
    intervals: dict[str, Interval]
    per_label: list[LabelScores]
    confusion: Confusion | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON values: `values` at the top level, then "intervals", "per_label", "confusion"."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            **self.values,
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "per_label": [asdict(scores) for scores in self.per_label],
            "confusion": self.confusion.as_dict() if self.confusion else None,
        }


def evaluate(
    truth: Truth,
    probabilities: Numbers,
    *,
    labels: Sequence[str],
    kind: Kind,
    thresholds: Numbers | None = None,
    seed: int = 0,
) -> Evaluation:
    """All metrics; `thresholds` (k,) are used by multi-label models, 0.5 by default. Raises `NoRows`."""
    if len(truth) == 0:
        raise NoRows("labelled")
    measured = _single_label if kind == "single-label" else _multi_label
    predicted = predicted_labels(truth, probabilities, thresholds)
    losses = row_losses(truth, probabilities)
    values, per_label, confusion = measured(truth, predicted, probabilities, labels)
    intervals = bootstrap_intervals(truth, predicted, probabilities, losses, seed=seed)
    return Evaluation(
        kind=kind,
        rows=len(truth),
        values=values,
        intervals={name: interval for name, interval in intervals.items() if name in values},
        per_label=per_label,
        confusion=confusion,
    )


def require_primary(name: str, kind: Kind) -> PrimaryMetric:
    """The metric of that name; raises `UnknownMetric`, which lists the metrics for this kind of task."""
    fitting = {key: metric for key, metric in PRIMARY_METRICS.items() if kind in metric.kinds}
    if name not in fitting:
        raise UnknownMetric(name, kind, list(fitting))
    return fitting[name]


def primary_value(name: str, truth: Truth, probabilities: Numbers, *, thresholds: Numbers | None = None) -> float:
    """The value of one primary metric. It takes milliseconds, so it can be computed after every epoch."""
    require_primary(name, "single-label" if truth.ndim == 1 else "multi-label")
    if name == "log_loss":
        return float(row_losses(truth, probabilities).mean())
    return _SCORES[name](truth, predicted_labels(truth, probabilities, thresholds))


def is_better(name: str, value: float, other: float) -> bool:
    """Whether `value` of a primary metric is better than `other`.

    >>> is_better("accuracy", 0.9, 0.8), is_better("log_loss", 0.9, 0.8)
    (True, False)
    """
    return value > other if PRIMARY_METRICS[name].higher_is_better else value < other


def _single_label(
    truth: Truth, predicted: Truth, probabilities: Numbers, labels: Sequence[str]
) -> tuple[dict[str, float], list[LabelScores], Confusion]:
    values = {
        "accuracy": core_metrics.accuracy(truth, predicted),
        "macro_f1": macro_f1(truth, predicted),
        "weighted_f1": weighted_f1(truth, predicted),
        "log_loss": core_metrics.log_loss(truth, probabilities, floor=FLOOR),
        "brier": brier(truth, probabilities),
        "expected_calibration_error": core_metrics.expected_calibration_error(truth, probabilities),
    }
    if len(labels) == 2 and {0, 1} <= set(truth.tolist()):
        known = truth >= 0
        values["roc_auc"] = float(sklearn_metrics.roc_auc_score(truth[known], probabilities[known, 1]))
    return values, _per_label(truth, predicted, labels), confusion_of(truth, predicted, labels)


def _multi_label(
    truth: Truth, predicted: Truth, probabilities: Numbers, labels: Sequence[str]
) -> tuple[dict[str, float], list[LabelScores], None]:
    values = {
        "accuracy": subset_accuracy(truth, predicted),
        "subset_accuracy": subset_accuracy(truth, predicted),
        "micro_f1": micro_f1(truth, predicted),
        "macro_f1": macro_f1(truth, predicted),
        "weighted_f1": weighted_f1(truth, predicted),
        "hamming_loss": float(sklearn_metrics.hamming_loss(truth, predicted)),
        "log_loss": float(row_losses(truth, probabilities).mean()),
        "brier": brier(truth, probabilities),
        "expected_calibration_error": calibration_error(calibration_table(truth, probabilities)),
    }
    return values, _per_label(truth, predicted, labels), None


def subset_accuracy(truth: Truth, predicted: Truth) -> float:
    """Share of rows whose set of labels is exactly right; for single labels, the accuracy.

    >>> subset_accuracy(np.array([[True, False], [True, True]]), np.array([[True, False], [True, False]]))
    0.5
    """
    return float((truth == predicted).reshape(len(truth), -1).all(axis=1).mean())


def macro_f1(truth: Truth, predicted: Truth) -> float:
    """Mean F1 over the labels that occur in the truth or in the predictions."""
    if truth.ndim == 1:
        return core_metrics.macro_f1(truth, predicted)
    return _f1(truth, predicted, "macro", labels=np.flatnonzero((truth | predicted).any(axis=0)))


def weighted_f1(truth: Truth, predicted: Truth) -> float:
    """Mean F1 of the labels, weighted by their numbers of rows."""
    return _f1(truth, predicted, "weighted")


def micro_f1(truth: Truth, predicted: Truth) -> float:
    """F1 over all cells (n, k)."""
    return _f1(truth, predicted, "micro")


def _f1(truth: Truth, predicted: Truth, average: str, *, labels: Indices | None = None) -> float:
    if labels is not None and not len(labels):
        return 1.0  # there is no label in the truth or in the predictions
    return float(sklearn_metrics.f1_score(truth, predicted, average=average, labels=labels, zero_division=0.0))


_SCORES: dict[str, Callable[[Truth, Truth], float]] = {
    "accuracy": subset_accuracy,
    "subset_accuracy": subset_accuracy,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
    "micro_f1": micro_f1,
}


def brier(truth: Truth, probabilities: Numbers) -> float:
    """Brier score (Brier 1950): mean squared difference between scores and truth.

    Scaled as in scikit-learn: for single-label models the sum over the labels (0..2), for two labels half of it
    (0..1); for multi-label models the mean over the labels (0..1).

    >>> round(brier(np.array([1]), np.array([[0.2, 0.8]])), 4)
    0.04
    """
    squared = probabilities.astype(np.float64) ** 2
    if truth.ndim == 2:
        return float(np.where(truth, (1 - probabilities.astype(np.float64)) ** 2, squared).mean())
    of_truth = np.where(truth < 0, 0.0, probabilities[np.arange(len(truth)), np.maximum(truth, 0)])
    per_row = squared.sum(axis=1) - 2 * of_truth + 1
    return float(per_row.mean() / (2 if probabilities.shape[1] == 2 else 1))


def _per_label(truth: Truth, predicted: Truth, labels: Sequence[str]) -> list[LabelScores]:
    scores = sklearn_metrics.precision_recall_fscore_support(
        truth, predicted, labels=np.arange(len(labels)), average=None, zero_division=0.0
    )
    return [
        LabelScores(label, float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in zip(labels, *scores, strict=True)
    ]
