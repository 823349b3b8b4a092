"""95 % bootstrap intervals (Efron 1979) of metrics that are functions of sums over rows.

Each row adds to some totals: its correctness, its loss, its confusion counts, its bin of the reliability diagram. A
resample is a vector of how often each row was drawn, so the totals are one sparse matrix product: 1,000 resamples of
10,000 rows with 150 labels take about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from core.arrays import Booleans, Indices, Numbers
from finetune.measuring.calibration import BINS, bin_index, events

RESAMPLES, LEVEL = 1000, 0.95
_CHUNK_CELLS = 4_000_000
"""Draws in memory at a time, 8 bytes each."""

Interval = tuple[float, float]
RowStatistics = Mapping[str, csr_array]


def bootstrap_intervals(
    truth: NDArray[np.generic],
    predicted: NDArray[np.generic],
    probabilities: Numbers,
    losses: Numbers,
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Intervals of accuracy, macro and micro F1, log loss and expected calibration error.

    `truth` and `predicted` are (n,) label indices or (n, k) bool, `losses` (n,) the log loss of each row.
    They are percentiles of the resamples, except for the calibration error: see `_calibration_interval`.
    """
    row_statistics = _row_statistics(truth, predicted, probabilities, losses)
    statistics = partial(_metrics, row_statistics, events_per_row=truth[0].size)
    drawn = _resampled(statistics, rows=len(truth), seed=seed, resamples=resamples)
    found = {name: _percentiles(values) for name, values in drawn.items()}
    confidence, outcome = events(truth, probabilities)
    error = _calibration_interval(confidence, outcome, resampled=found["expected_calibration_error"], seed=seed)
    return {**found, "expected_calibration_error": error}


def _percentiles(values: Numbers) -> Interval:
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def _calibration_interval(confidence: Numbers, outcome: Booleans, *, resampled: Interval, seed: int) -> Interval:
    """The basic bootstrap interval, which starts at 0 if the rows may come from a calibrated model.

    The calibration error of a resample is biased upwards, since each bin has more noise: the percentile interval of a
    calibrated model would never contain 0. The basic interval (Hall) corrects the bias except near 0. There the error
    is compared with simulated outcomes whose probabilities are the confidences (Bröcker & Smith 2007).
    """
    bins = bin_index(confidence)
    gaps = np.bincount(bins, weights=outcome - confidence, minlength=BINS)
    spread = np.sqrt(np.bincount(bins, weights=confidence * (1 - confidence), minlength=BINS))
    simulated = np.abs(np.random.default_rng(seed).normal(0, spread, (RESAMPLES, BINS))).sum(axis=1)
    error = np.abs(gaps).sum() / len(bins)
    is_calibrated = error * len(bins) <= np.quantile(simulated, LEVEL)
    low, high = resampled
    return 0.0 if is_calibrated else max(0.0, float(2 * error - high)), float(max(error, 2 * error - low))


def _resampled(
    statistics: Callable[[NDArray[Any]], dict[str, Numbers]], *, rows: int, seed: int, resamples: int
) -> dict[str, Numbers]:
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // rows)
    parts = []
    for start in range(0, resamples, chunk):
        draws = rng.integers(0, rows, (min(chunk, resamples - start), rows))
        parts.append(statistics(np.stack([np.bincount(draw, minlength=rows) for draw in draws])))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _metrics(row_statistics: RowStatistics, weights: NDArray[Any], *, events_per_row: int) -> dict[str, Numbers]:
    """The metrics of b resamples, (b,) each; `weights` (b, n) is how often each row was drawn."""
    totals = {name: weights @ statistic for name, statistic in row_statistics.items()}
    rows = weights.shape[1]
    positives = totals["truth"] + totals["predicted"]
    f1 = 2 * totals["true_positive"] / np.maximum(positives, 1)
    gaps = np.abs(totals["confidence"] - totals["outcome"]).sum(axis=1)
    return {
        "accuracy": totals["correct"][:, 0] / rows,
        "macro_f1": f1.sum(axis=1) / np.maximum((positives > 0).sum(axis=1), 1),
        "log_loss": totals["loss"][:, 0] / rows,
        "micro_f1": 2 * totals["true_positive"].sum(axis=1) / np.maximum(positives.sum(axis=1), 1),
        "expected_calibration_error": gaps / (rows * events_per_row),
    }


def _row_statistics(
    truth: NDArray[np.generic], predicted: NDArray[np.generic], probabilities: Numbers, losses: Numbers
) -> dict[str, csr_array]:
    rows, label_count = probabilities.shape
    confidence, outcome = events(truth, probabilities)
    event_row = np.repeat(np.arange(rows), len(confidence) // rows)
    bins = bin_index(confidence)
    row_statistics = {
        "loss": _sparse(np.arange(rows), np.zeros(rows), losses, shape=(rows, 1)),
        "confidence": _sparse(event_row, bins, confidence, shape=(rows, BINS)),
        "outcome": _sparse(event_row, bins, outcome, shape=(rows, BINS)),
    }
    if truth.ndim == 2:
        indicators = {"truth": truth, "predicted": predicted, "true_positive": np.logical_and(truth, predicted)}
        correct = (truth == predicted).all(axis=1)
        return {
            **row_statistics,
            **{name: csr_array(indicator.astype(np.float64)) for name, indicator in indicators.items()},
            "correct": csr_array(correct[:, None].astype(np.float64)),
        }
    return {
        **row_statistics,
        **_single_label(truth.astype(np.int64), predicted.astype(np.int64), label_count=label_count),
    }


def _single_label(truth: Indices, predicted: Indices, *, label_count: int) -> dict[str, csr_array]:
    """Unknown labels share an additional column, which is never predicted."""
    rows = np.arange(len(truth))
    correct = truth == predicted
    shape = (len(truth), label_count + 1)
    column = np.where(truth < 0, label_count, truth)
    ones = np.ones(len(truth))
    return {
        "truth": _sparse(rows, column, ones, shape=shape),
        "predicted": _sparse(rows, predicted, ones, shape=shape),
        "true_positive": _sparse(rows, column, correct, shape=shape),
        "correct": _sparse(rows, np.zeros(len(truth)), correct, shape=(len(truth), 1)),
    }


def _sparse(rows: NDArray[Any], columns: NDArray[Any], values: NDArray[Any], *, shape: tuple[int, int]) -> csr_array:
    return csr_array((values.astype(np.float64), (rows, columns.astype(np.int64))), shape=shape)
