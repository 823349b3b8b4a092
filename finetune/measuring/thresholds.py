"""What to do with a score: which labels to give, and below which confidence to give none."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta, binom

from core.engine import set_confidence
from core.metrics import Booleans, Floats, Indices
from finetune.measuring.metrics import Truth

MIN_POSITIVES = 5
"""Fewer rows of a label do not move its threshold. In simulations (1,000 rows, scores of two normal classes) tuning
on three rows already gained F1 on average, but the threshold then rests on where single rows happen to lie."""

MIN_THRESHOLD, MAX_THRESHOLD = 0.05, 0.95
"""Thresholds stay within: beyond, one odd row decides."""

START_SHARES = (1.0, 0.5, 0.25, 0.125)
"""Where the search for an abstention threshold starts: all rows, or the surest half, quarter, eighth, and never
above so many rows as show the risk if none of them is wrong."""

DELTA = 0.05
"""Chance that the stated risk is exceeded in spite of the search."""


def tune_thresholds(probabilities: Floats, truth: Booleans) -> Floats:
    """(k,) the threshold of each label with the highest F1 on these rows (n, k); 0.5 where little is known.

    Of thresholds that are equally good the nearest to 0.5.
    """
    return np.array([_tune(probabilities[:, label], truth[:, label]) for label in range(truth.shape[1])])


def _tune(scores: Floats, truth: Booleans) -> float:
    if truth.sum() < MIN_POSITIVES:
        return 0.5
    candidates = _candidates(scores.astype(np.float64))
    by_score = np.sort(scores)
    predicted_count = len(scores) - np.searchsorted(by_score, candidates)
    true_positives = truth.sum() - np.searchsorted(np.sort(scores[truth]), candidates)
    f1 = 2 * true_positives / (predicted_count + truth.sum())
    best = candidates[np.isclose(f1, f1.max(), rtol=0, atol=1e-12)]
    return float(best[np.abs(best - 0.5).argmin()])


def _candidates(scores: Floats) -> Floats:
    """0.5, and the middle between any two neighbouring scores, within bounds."""
    distinct = np.unique(scores)
    middles = np.append((distinct[1:] + distinct[:-1]) / 2, 0.5)
    return middles[(middles >= MIN_THRESHOLD) & (middles <= MAX_THRESHOLD)]


def uncalibrated(thresholds: Floats, temperature: float) -> Floats:
    """The thresholds (k,) that give the same labels on scores before the temperature.

    >>> uncalibrated(np.array([0.5, 0.9]), 2.0).round(3).tolist()
    [0.5, 0.988]
    """
    found: Floats = expit(temperature * logit(thresholds.astype(np.float64)))
    return found


@dataclass(frozen=True)
class Abstention:
    """Answers below `threshold` are abstentions; None where no threshold keeps the risk, and `reason` says why.

    On the rows that it was found on: the share that is answered, its error rate, and an upper bound on the error
    rate of answers to come that holds in 95 of 100 searches.
    """

    threshold: float | None
    coverage: float
    risk: float
    risk_bound: float
    rows: int
    max_risk: float
    reason: str


def confidence_and_errors(truth: Truth, probabilities: Floats, predicted: Truth) -> tuple[Floats, Booleans]:
    """(n,) the confidence of each answer, and whether it is wrong; a set of labels is wrong unless all are right."""
    if truth.ndim == 1:
        return probabilities.max(axis=1), predicted != truth
    return set_confidence(probabilities, predicted), (predicted != truth).any(axis=1)


def abstention_of(confidence: Floats, wrong: Booleans, *, max_risk: float, delta: float = DELTA) -> Abstention:
    """Fixed sequence testing with several starts (Learn then Test: Angelopoulos et al. 2021, arXiv 2110.01052).

    Rows stand from the surest down. From each of `START_SHARES`, whose places depend on the number of rows
    alone, the search goes down row by row for as long as so few errors among the rows so far would have a chance of
    at most `delta`/4 if the risk were above `max_risk` (binomial tail, as in Geifman & El-Yaniv 2017,
    arXiv 1705.08500); the lowest place reached counts. Where surer answers are no riskier, whoever passes the place
    at which the true risk crosses `max_risk` has passed a test of that level there, so a start errs with
    a chance of at most `delta`/4, and one of the four with at most `delta`.
    """
    order = np.argsort(-confidence, kind="stable")
    confidences, errors = confidence[order], np.cumsum(wrong[order].astype(np.int64))
    # Equal confidences are answered together or not at all.
    ends = np.append(np.flatnonzero(np.diff(confidences)), len(confidences) - 1)
    level = delta / len(START_SHARES)
    passes = binom.cdf(errors[ends], ends + 1, max_risk) <= level
    min_rows = _min_rows(max_risk, level)
    starts = [int(np.searchsorted(ends + 1, max(min_rows, ceil(share * len(confidences))))) for share in START_SHARES]
    reached = max(_last_passed(passes, start) for start in starts)
    if reached < 0:
        reason = _reason_for_none(errors[ends], ends + 1, max_risk=max_risk, level=level)
        return Abstention(None, 0.0, 0.0, 1.0, len(confidences), max_risk, reason)
    return _abstention(confidences, errors, answered=int(ends[reached]) + 1, max_risk=max_risk, level=level)


def _last_passed(passes: Booleans, start: int) -> int:
    """Index of the last test passed without a failure from `start` on; -1 where the first one fails."""
    failed = np.flatnonzero(~passes[start:])
    end = start + int(failed[0]) if len(failed) else len(passes)
    return end - 1 if end > start else -1


def _abstention(confidences: Floats, errors: Indices, *, answered: int, max_risk: float, level: float) -> Abstention:
    rows, wrong = len(confidences), int(errors[answered - 1])
    all_answered = answered == rows
    # Between the least sure answer and the surest abstention, so that rounding moves neither.
    threshold = 0.0 if all_answered else float(confidences[answered - 1] / 2 + confidences[answered] / 2)
    kept = "Every answer is given" if all_answered else f"Answers from a confidence of {threshold:.3f} on are given"
    return Abstention(
        threshold=threshold,
        coverage=answered / rows,
        risk=wrong / answered,
        # Clopper and Pearson 1934, at the level of the test.
        risk_bound=float(beta.ppf(1 - level, wrong + 1, answered - wrong)) if wrong < answered else 1.0,
        rows=rows,
        max_risk=max_risk,
        reason=f"{kept}: {answered / rows:.1%} of {rows} rows, {wrong} of them wrong.",
    )


def _min_rows(max_risk: float, level: float) -> int:
    """Fewer right answers show nothing.

    >>> _min_rows(0.05, 0.05)
    59
    """
    return ceil(log(level) / log(1 - max_risk))


def _reason_for_none(errors: Indices, answered: Indices, *, max_risk: float, level: float) -> str:
    rows = int(answered[-1])
    needed = _min_rows(max_risk, level)
    if rows < needed:
        return f"{rows} rows are too few to show a risk of {max_risk:.1%}: {needed} without an error would be needed."
    share = errors / answered
    first = int(np.searchsorted(answered, needed))
    return (
        f"Even the surest rows do not show a risk of at most {max_risk:.1%}: "
        f"{int(errors[first])} of the {int(answered[first])} surest are wrong ({share[first]:.1%})."
    )


def risk_coverage(confidence: Floats, wrong: Booleans) -> tuple[Floats, Floats]:
    """Coverage and error rate (n,) of answering the surest row, the two surest, … all (El-Yaniv & Wiener 2010).

    >>> [part.tolist() for part in risk_coverage(np.array([0.9, 0.6]), np.array([False, True]))]
    [[0.5, 1.0], [0.0, 0.5]]
    """
    answered = np.arange(1, len(confidence) + 1)
    errors = np.cumsum(wrong[np.argsort(-confidence, kind="stable")])
    return answered / len(confidence), errors / answered
