"""Label thresholds, and the confidence threshold below which a model abstains."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np

from core.arrays import Booleans, Indices, Numbers
from core.engine import set_confidence, sigmoid
from core.share import percent
from finetune.measuring.binomial import binomial_cdf, largest_chance
from finetune.measuring.truth import Truth

MIN_POSITIVES = 5
"""A label with fewer rows keeps the threshold 0.5. In simulations (1,000 rows, scores of two normal classes) tuning on
three rows already improved F1 on average, but single rows then decide the threshold."""

MIN_THRESHOLD, MAX_THRESHOLD = 0.05, 0.95
"""Limits of tuned thresholds; more extreme thresholds would depend on single rows."""

START_SHARES = (1.0, 0.5, 0.25, 0.125)
"""Shares of the most confident rows at which the search for an abstention threshold starts."""

DELTA = 0.05
"""Probability that the risk exceeds the limit."""


def tune_thresholds(probabilities: Numbers, truth: Booleans) -> Numbers:
    """(k,) the threshold per label with the highest F1 on these rows (n, k); 0.5 for rare labels.

    If several thresholds are equally good, the one nearest to 0.5 is used.
    """
    return np.array([_tune(probabilities[:, label], truth[:, label]) for label in range(truth.shape[1])])


def _tune(scores: Numbers, truth: Booleans) -> float:
    if truth.sum() < MIN_POSITIVES:
        return 0.5
    candidates = _candidates(scores.astype(np.float64))
    by_score = np.sort(scores)
    predicted_count = len(scores) - np.searchsorted(by_score, candidates)
    true_positives = truth.sum() - np.searchsorted(np.sort(scores[truth]), candidates)
    f1 = 2 * true_positives / (predicted_count + truth.sum())
    best = candidates[np.isclose(f1, f1.max(), rtol=0, atol=1e-12)]
    return float(best[np.abs(best - 0.5).argmin()])


def _candidates(scores: Numbers) -> Numbers:
    """0.5 and the midpoints between adjacent scores, within the limits."""
    distinct = np.unique(scores)
    middles = np.append((distinct[1:] + distinct[:-1]) / 2, 0.5)
    return middles[(middles >= MIN_THRESHOLD) & (middles <= MAX_THRESHOLD)]


def uncalibrated_thresholds(thresholds: Numbers, temperature: float) -> Numbers:
    """The thresholds (k,) that assign the same labels to scores without temperature.

    >>> uncalibrated_thresholds(np.array([0.5, 0.9]), 2.0).round(3).tolist()
    [0.5, 0.988]
    """
    given = thresholds.astype(np.float64)
    found: Numbers = sigmoid(temperature * np.log(given / (1 - given)))
    return found


@dataclass(frozen=True)
class Abstention:
    """The model abstains below the confidence `threshold`; None if every threshold exceeds the maximum risk.

    `coverage` is the share of rows without abstention and `risk` their error rate, measured on the rows of the search.
    `risk_bound` is a 95 % upper bound of the error rate on new rows. `reason` is one sentence.
    """

    threshold: float | None
    coverage: float
    risk: float
    risk_bound: float
    rows: int
    max_risk: float
    reason: str


def confidence_and_errors(truth: Truth, probabilities: Numbers, predicted: Truth) -> tuple[Numbers, Booleans]:
    """(n,) the confidence of each prediction, and whether it is wrong; a set of labels must be exactly right."""
    if truth.ndim == 1:
        return probabilities.max(axis=1), predicted != truth
    return set_confidence(probabilities, predicted), (predicted != truth).any(axis=1)


def abstention_of(confidence: Numbers, wrong: Booleans, *, max_risk: float, delta: float = DELTA) -> Abstention:
    """The lowest threshold above which the error rate is at most `max_risk` (0..1) with probability 1 - `delta`.

    `confidence` and `wrong` (n,) must be of rows that were not trained on. The method is fixed sequence testing with
    several starts (Learn then Test: Angelopoulos et al. 2021, arXiv 2110.01052). The rows are sorted by confidence.
    From each start the threshold is lowered row by row as long as a binomial test at level `delta`/4 rejects a risk
    above `max_risk` (Geifman & El-Yaniv 2017, arXiv 1705.08500). The lowest threshold reached from any start is used.
    If the risk does not rise with the confidence, a start can exceed `max_risk` only by passing one test wrongly,
    which has a probability of at most `delta`/4; for the four starts together it is at most `delta`.
    """
    order = np.argsort(-confidence, kind="stable")
    confidences, errors = confidence[order], np.cumsum(wrong[order].astype(np.int64))
    # A threshold cannot separate rows of equal confidence.
    ends = np.append(np.flatnonzero(np.diff(confidences)), len(confidences) - 1)
    level = delta / len(START_SHARES)
    passes = binomial_cdf(errors[ends], ends + 1, max_risk) <= level
    min_rows = _min_rows(max_risk, level)
    starts = [int(np.searchsorted(ends + 1, max(min_rows, ceil(share * len(confidences))))) for share in START_SHARES]
    reached = max(_last_passed(passes, start) for start in starts)
    if reached < 0:
        reason = _reason_for_none(errors[ends], ends + 1, max_risk=max_risk, level=level)
        return Abstention(None, 0.0, 0.0, 1.0, len(confidences), max_risk, reason)
    return _abstention(confidences, errors, answered=int(ends[reached]) + 1, max_risk=max_risk, level=level)


def _last_passed(passes: Booleans, start: int) -> int:
    """Index of the last test before the first failure from `start` on; -1 if the first test fails."""
    failed = np.flatnonzero(~passes[start:])
    end = start + int(failed[0]) if len(failed) else len(passes)
    return end - 1 if end > start else -1


def _abstention(confidences: Numbers, errors: Indices, *, answered: int, max_risk: float, level: float) -> Abstention:
    rows, wrong = len(confidences), int(errors[answered - 1])
    all_answered = answered == rows
    # Midway between the two adjacent confidences, so that rounding errors move no row across the threshold.
    threshold = 0.0 if all_answered else float(confidences[answered - 1] / 2 + confidences[answered] / 2)
    given = (
        "Every answer is given" if all_answered else f"Answers with a confidence of {threshold:.3f} or more are given"
    )
    return Abstention(
        threshold=threshold,
        coverage=answered / rows,
        risk=wrong / answered,
        risk_bound=largest_chance(wrong, answered, level=level),
        rows=rows,
        max_risk=max_risk,
        reason=f"{given}: {percent(answered / rows)} of {rows} rows, {wrong} of them wrong.",
    )


def _min_rows(max_risk: float, level: float) -> int:
    """Number of rows without an error that the test needs to pass.

    >>> _min_rows(0.05, 0.05)
    59
    """
    return ceil(log(level) / log(1 - max_risk))


def _reason_for_none(errors: Indices, answered: Indices, *, max_risk: float, level: float) -> str:
    rows = int(answered[-1])
    needed = _min_rows(max_risk, level)
    if rows < needed:
        return (
            f"{rows} rows are too few to show a risk of {percent(max_risk)}: {needed} rows without an error are needed."
        )
    share = errors / answered
    first = int(np.searchsorted(answered, needed))
    return (
        f"Even the most confident rows do not show a risk of at most {percent(max_risk)}: "
        f"{int(errors[first])} of the {int(answered[first])} most confident are wrong ({percent(share[first])})."
    )


def risk_coverage(confidence: Numbers, wrong: Booleans) -> tuple[Numbers, Numbers]:
    """Coverage and error rate (n,) of the 1, 2, … n most confident rows (El-Yaniv & Wiener 2010).

    >>> [part.tolist() for part in risk_coverage(np.array([0.9, 0.6]), np.array([False, True]))]
    [[0.5, 1.0], [0.0, 0.5]]
    """
    answered = np.arange(1, len(confidence) + 1)
    errors = np.cumsum(wrong[np.argsort(-confidence, kind="stable")])
    return answered / len(confidence), errors / answered
