"""What to do with a score: which labels to give, and below which confidence to give none."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta, binom

from core.metrics import Floats

MIN_POSITIVES = 5
"""Fewer rows of a label do not move its threshold. In simulations (1,000 rows, scores of two normal classes) tuning
on three rows already gained F1 on average, but the threshold then rests on where single rows happen to lie."""

LOWEST, HIGHEST = 0.05, 0.95
"""Thresholds stay within: beyond, one odd row decides."""

START_SHARES = (1.0, 0.5, 0.25, 0.125)
"""Where the search for an abstention threshold starts: all rows, or the surest half, quarter, eighth, and never
above so many rows as show the risk if none of them is wrong."""

DELTA = 0.05
"""Chance that the stated risk is exceeded in spite of the search."""


def tune_thresholds(probabilities: Floats, truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(k,) the threshold of each label with the highest F1 on these rows (n, k); 0.5 where little is known.

    Of thresholds that are equally good the nearest to 0.5.
    """
    return np.array([_tuned(probabilities[:, label], truth[:, label]) for label in range(truth.shape[1])])


def _tuned(scores: Floats, truth: NDArray[np.bool_]) -> float:
    if truth.sum() < MIN_POSITIVES:
        return 0.5
    candidates = _candidates(scores.astype(np.float64))
    by_score = np.sort(scores)
    given = len(scores) - np.searchsorted(by_score, candidates)
    hits = truth.sum() - np.searchsorted(np.sort(scores[truth]), candidates)
    f1 = 2 * hits / (given + truth.sum())
    best = candidates[np.isclose(f1, f1.max(), rtol=0, atol=1e-12)]
    return float(best[np.abs(best - 0.5).argmin()])


def _candidates(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """0.5, and the middle between any two neighbouring scores, within bounds."""
    distinct = np.unique(scores)
    middles = np.append((distinct[1:] + distinct[:-1]) / 2, 0.5)
    return middles[(middles >= LOWEST) & (middles <= HIGHEST)]


def uncalibrated(thresholds: Floats, temperature: float) -> NDArray[np.float64]:
    """The thresholds (k,) that give the same labels on scores before the temperature.

    >>> uncalibrated(np.array([0.5, 0.9]), 2.0).round(3).tolist()
    [0.5, 0.988]
    """
    found: NDArray[np.float64] = expit(temperature * logit(thresholds.astype(np.float64)))
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


def abstention_threshold(truth: NDArray[np.int64], probabilities: Floats, *, max_risk: float) -> Abstention:
    """The lowest confidence whose answers are wrong in at most `max_risk` (0..1) of cases to come.

    With a chance of 95 % over the draw of these rows (n,), (n, k): see `abstention_of`. They must not have
    been trained on.
    """
    return abstention_of(probabilities.max(axis=1), probabilities.argmax(axis=1) != truth, max_risk=max_risk)


def abstention_of(confidence: Floats, wrong: NDArray[np.bool_], *, max_risk: float, delta: float = DELTA) -> Abstention:
    """Fixed sequence testing with several starts (Learn then Test: Angelopoulos et al. 2021, arXiv 2110.01052).

    Rows stand from the surest down. From each of `START_SHARES`, whose places depend on the number of rows
    alone, the search goes down row by row for as long as so few errors among the rows so far would have a chance of
    at most `delta`/4 if the risk were above `max_risk` (binomial tail, as in Geifman & El-Yaniv 2017,
    arXiv 1705.08500); the lowest place reached counts. Where surer answers are no riskier, whoever passes the place
    at which the true risk crosses `max_risk` has passed a test of that level there, so a start errs with
    a chance of at most `delta`/4, and one of the four with at most `delta`.
    """
    order = np.argsort(-confidence, kind="stable")
    surest, errors = confidence[order], np.cumsum(wrong[order].astype(np.int64))
    # Equal confidences are answered together or not at all.
    ends = np.append(np.flatnonzero(np.diff(surest)), len(surest) - 1)
    level = delta / len(START_SHARES)
    passes = binom.cdf(errors[ends], ends + 1, max_risk) <= level
    least = _rows_without_error(max_risk, level)
    starts = [int(np.searchsorted(ends + 1, max(least, ceil(share * len(surest))))) for share in START_SHARES]
    reached = max(_last_passed(passes, start) for start in starts)
    if reached < 0:
        reason = _why_none(errors[ends], ends + 1, max_risk=max_risk, level=level)
        return Abstention(None, 0.0, 0.0, 1.0, len(surest), max_risk, reason)
    return _abstention(surest, errors, answered=int(ends[reached]) + 1, max_risk=max_risk, level=level)


def _last_passed(passes: NDArray[np.bool_], start: int) -> int:
    """Index of the last test passed without a failure from `start` on; -1 where the first one fails."""
    failed = np.flatnonzero(~passes[start:])
    end = start + int(failed[0]) if len(failed) else len(passes)
    return end - 1 if end > start else -1


def _abstention(
    surest: Floats, errors: NDArray[np.int64], *, answered: int, max_risk: float, level: float
) -> Abstention:
    rows, wrong = len(surest), int(errors[answered - 1])
    everything = answered == rows
    # Between the least sure answer and the surest abstention, so that rounding moves neither.
    threshold = 0.0 if everything else float(surest[answered - 1] / 2 + surest[answered] / 2)
    kept = "Every answer is given" if everything else f"Answers from a confidence of {threshold:.3f} on are given"
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


def _rows_without_error(max_risk: float, level: float) -> int:
    """Fewer right answers show nothing.

    >>> _rows_without_error(0.05, 0.05)
    59
    """
    return ceil(log(level) / log(1 - max_risk))


def _why_none(errors: NDArray[np.int64], answered: NDArray[np.int64], *, max_risk: float, level: float) -> str:
    rows = int(answered[-1])
    needed = _rows_without_error(max_risk, level)
    if rows < needed:
        return f"{rows} rows are too few to show a risk of {max_risk:.1%}: {needed} without an error would be needed."
    share = errors / answered
    surest = int(np.searchsorted(answered, needed))
    return (
        f"Even the surest rows do not show a risk of at most {max_risk:.1%}: "
        f"{int(errors[surest])} of the {int(answered[surest])} surest are wrong ({share[surest]:.1%})."
    )


def risk_coverage(confidence: Floats, wrong: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Coverage and error rate (n,) of answering the surest row, the two surest, … all (El-Yaniv & Wiener 2010).

    >>> [part.tolist() for part in risk_coverage(np.array([0.9, 0.6]), np.array([False, True]))]
    [[0.5, 1.0], [0.0, 0.5]]
    """
    answered = np.arange(1, len(confidence) + 1)
    errors = np.cumsum(wrong[np.argsort(-confidence, kind="stable")])
    return answered / len(confidence), errors / answered
