"""Whether a rung may be served: the criteria compare its predictions with the predictions of full precision."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.assigned import membership, same
from core.metrics import calibration_error
from core.paired import Z_LEVEL, Paired
from core.share import percent
from export.candidate import Candidate
from export.settings import ExportSettings

MAX_PROBABILITY_CHANGE = 1e-3
"""Maximum change of a probability caused by other texts in the batch; rounding alone causes about 1e-6."""

MAX_CALIBRATION_INCREASE = 0.01
"""Maximum increase of the expected calibration error."""

BOUND_FACTOR = 3.0
"""Maximum 95 % upper bound of the drop, as a multiple of the maximum measured drop."""

_RESAMPLES = 500

Counts = NDArray[np.float64]
"""(m, k) number of rows by resample and label."""


def objection(candidate: Candidate, baseline: Candidate, settings: ExportSettings) -> str | None:
    """One sentence about the first criterion that the rung fails; None if the rung is eligible."""
    return (
        _depends_on_batch(candidate)
        or _loses_accuracy(candidate, baseline, settings)
        or _loses_primary(candidate, baseline, settings)
        or _changes_labels(candidate, baseline, settings)
        or _loses_calibration(candidate, baseline)
    )


def rows_needed(settings: ExportSettings) -> float:
    """Minimum labelled rows: with fewer, even a rung that changes no prediction exceeds the bound of the drop."""
    return math.inf if not settings.max_drop else Z_LEVEL**2 * (1 / (BOUND_FACTOR * settings.max_drop) - 1)


def agreement(candidate: Candidate, baseline: Candidate) -> float:
    """Share of all rows, labelled or not, with the same predicted label or set of labels."""
    return float(np.mean(same(candidate.outputs.predicted, baseline.outputs.predicted)))


def changed_rows(candidate: Candidate, baseline: Candidate) -> int:
    return int(np.sum(~same(candidate.outputs.predicted, baseline.outputs.predicted)))


def f1_values(candidate: Candidate, metric: str, weights: Counts) -> Counts:
    """(m,) F1 of m resamples of the n labelled rows; `weights` (m, n): how often each row was drawn."""
    truth, predicted = (
        membership(assigned, candidate.label_count).astype(np.float64) for assigned in candidate.truth_and_predicted
    )
    return _F1[metric](weights @ (truth * predicted), weights @ truth, weights @ predicted)


def _macro(true_positives: Counts, support: Counts, predicted: Counts) -> Counts:
    """Mean over the labels that occur in the truth or in the predictions."""
    both = support + predicted
    scores = 2 * true_positives / np.maximum(both, 1)
    return np.asarray(scores.sum(axis=1) / np.maximum((both > 0).sum(axis=1), 1))


def _weighted(true_positives: Counts, support: Counts, predicted: Counts) -> Counts:
    scores = 2 * true_positives / np.maximum(support + predicted, 1)
    return np.asarray((scores * support).sum(axis=1) / np.maximum(support.sum(axis=1), 1))


def _micro(true_positives: Counts, support: Counts, predicted: Counts) -> Counts:
    return np.asarray(2 * true_positives.sum(axis=1) / np.maximum((support + predicted).sum(axis=1), 1))


_F1 = {"macro_f1": _macro, "weighted_f1": _weighted, "micro_f1": _micro}


def _depends_on_batch(candidate: Candidate) -> str | None:
    count = candidate.changed_labels
    labels = "1 label changes" if count == 1 else f"{count} labels change"
    changes = f"{labels} and a probability changes by {candidate.max_probability_change:.2g}"
    if candidate.is_dynamic:
        return f"Its quantization scales depend on the batch: {changes} among other texts."
    if not count and candidate.max_probability_change <= MAX_PROBABILITY_CHANGE:
        return None
    return f"Its answers depend on the other texts in the batch: {changes}."


def _loses_accuracy(candidate: Candidate, baseline: Candidate, settings: ExportSettings) -> str | None:
    rows = len(baseline.correct)
    if rows < (needed := rows_needed(settings)):
        enough = "no number of rows is enough" if math.isinf(needed) else f"{math.ceil(needed)} are needed"
        return (
            f"{rows} labelled rows are too few to show that it loses at most {percent(settings.max_drop, 2)}; {enough}."
        )
    paired = Paired.of(baseline.correct, candidate.correct)
    drop, bound = -paired.gain, paired.largest_loss
    measured, possible = (
        f"It loses {percent(drop, 2)} of {rows} rows",
        f"It may lose up to {percent(bound, 2)} (95 % bound, {rows} rows)",
    )
    return _objection_to_drop(drop, measured, bound, possible, settings)


def _loses_primary(candidate: Candidate, baseline: Candidate, settings: ExportSettings) -> str | None:
    """As `_loses_accuracy`, if the primary metric is an F1 score; the bound is from a bootstrap over the rows."""
    metric = settings.primary_metric
    if metric not in _F1:
        return None
    rows = len(baseline.correct)
    draws = np.random.default_rng(0).multinomial(rows, np.full(rows, 1 / rows), size=_RESAMPLES)
    weights = np.vstack([np.ones(rows), draws])
    drops = f1_values(baseline, metric, weights) - f1_values(candidate, metric, weights)
    drop, bound, name = float(drops[0]), float(np.quantile(drops[1:], 0.95)), metric.replace("_", " ")
    measured, possible = (
        f"Its {name} is {percent(drop, 2)} lower",
        f"Its {name} may be up to {percent(bound, 2)} lower (95 % bound)",
    )
    return _objection_to_drop(drop, measured, bound, possible, settings)


def _objection_to_drop(drop: float, measured: str, bound: float, possible: str, settings: ExportSettings) -> str | None:
    """An objection with `measured` if the drop is too large, with `possible` if the bound is too large, else None."""
    if drop > settings.max_drop + 1e-9:
        return f"{measured}; {percent(settings.max_drop, 2)} are allowed."
    if bound > BOUND_FACTOR * settings.max_drop:
        return f"{possible}; {percent(BOUND_FACTOR * settings.max_drop, 2)} are allowed."
    return None


def _changes_labels(candidate: Candidate, baseline: Candidate, settings: ExportSettings) -> str | None:
    share = agreement(candidate, baseline)
    if share >= settings.min_agreement - 1e-9:
        return None
    rows = len(baseline.outputs.probabilities)
    return (
        f"It changes {changed_rows(candidate, baseline)} of {rows} labels ({percent(share, 2)} stay); "
        f"{percent(settings.min_agreement, 2)} must stay."
    )


def _loses_calibration(candidate: Candidate, baseline: Candidate) -> str | None:
    before, after = (
        calibration_error(entry.outputs.confidence[entry.labelled], entry.correct) for entry in (baseline, candidate)
    )
    if after <= before + MAX_CALIBRATION_INCREASE:
        return None
    return (
        f"Its calibration error is {after:.3f}, that of full precision {before:.3f}; "
        f"an increase of {MAX_CALIBRATION_INCREASE:g} is allowed."
    )
