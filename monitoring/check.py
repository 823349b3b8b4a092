"""One check: does a window of rows differ from the reference by more than chance explains?"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from core.config import DriftConfig
from core.features import Features
from core.records import Evidence, Verdict
from core.two_sample.permutation import min_p_adjusted, permuted_table
from core.two_sample.statistics import Statistic, kolmogorov_smirnov, maximum_mean_discrepancy
from monitoring import wording
from monitoring.accuracy import estimate_accuracy
from monitoring.sample import sample_rows
from monitoring.signals.label_sets import given_labels

EMBEDDINGS, LABELS, CONFIDENCE, LENGTH = "embeddings", "predicted labels", "confidence", "text length"
FEATURES = (EMBEDDINGS, LABELS, CONFIDENCE, LENGTH)
STATISTICS = ("maximum mean discrepancy", "chi-square", "Kolmogorov-Smirnov", "Kolmogorov-Smirnov")

MAX_ROWS = 2000
"""Rows compared of each side; the kernel of 2 x 2,000 takes 64 MB."""


def check(
    reference: Features, window: Features, *, labels: Sequence[str], settings: DriftConfig, seed: int = 0
) -> Verdict:
    """Compare embeddings, predicted labels, confidence and text length by permutation tests.

    The verdict's p-value is corrected for the four tests and holds at the actual sizes: where
    nothing changed, a share `settings.alpha` of the checks says drift. Fewer than
    `settings.min_rows` rows on either side are insufficient_data. The same input and seed give the
    same verdict.
    """
    if min(reference.rows, window.rows) < settings.min_rows:
        return _insufficient(reference, window, settings)
    random = np.random.default_rng(seed)
    usual = sample_rows(reference, limit=MAX_ROWS, random=random)
    present = sample_rows(window, limit=MAX_ROWS, random=random)
    evidence = _evidence(usual, present, labels=labels, settings=settings, seed=seed)
    p_value = min(item.p_value for item in evidence)
    estimate = estimate_accuracy(usual, present, min_rows=settings.min_rows, seed=seed)
    return Verdict(
        outcome="drift" if p_value <= settings.alpha else "ok",
        p_value=p_value,
        rows=window.rows,
        reference_rows=reference.rows,
        evidence=evidence,
        estimated_accuracy=estimate,
        sentence=wording.verdict_sentence(evidence, p_value=p_value, alpha=settings.alpha, rows=window.rows)
        + wording.sample_note((usual.rows, reference.rows), (present.rows, window.rows)),
    )


def _insufficient(reference: Features, window: Features, settings: DriftConfig) -> Verdict:
    return Verdict(
        outcome="insufficient_data",
        p_value=None,
        rows=window.rows,
        reference_rows=reference.rows,
        evidence=[],
        estimated_accuracy=None,
        sentence=wording.insufficient_sentence(reference.rows, window.rows, settings.min_rows),
    )


def _evidence(
    reference: Features, window: Features, *, labels: Sequence[str], settings: DriftConfig, seed: int
) -> list[Evidence]:
    table = permuted_table(
        _statistics(reference, window),
        reference_rows=reference.rows,
        window_rows=window.rows,
        resamples=_resamples(settings),
        seed=seed,
    )
    details = (
        wording.embeddings_detail(reference.embeddings, window.embeddings),
        wording.labels_detail(reference.predicted, window.predicted, labels),
        wording.confidence_detail(reference.confidence, window.confidence),
        wording.length_detail(reference.length, window.length),
    )
    return [
        Evidence(
            feature=feature,
            statistic=statistic,
            value=float(value),
            p_value=float(p_value),
            drifted=bool(p_value <= settings.alpha),
            detail=detail if p_value <= settings.alpha else f"no more than chance explains: {detail}",
        )
        for feature, statistic, value, p_value, detail in zip(
            FEATURES, STATISTICS, table[0], min_p_adjusted(table), details, strict=True
        )
    ]


def _statistics(reference: Features, window: Features) -> list[Statistic]:
    confidence = np.concatenate([reference.confidence, window.confidence])
    return [
        maximum_mean_discrepancy(np.concatenate([reference.embeddings, window.embeddings])),
        given_labels(np.concatenate([reference.predicted, window.predicted])),
        # Rounded: a score that was stored and read again must not lie beside its own equal.
        kolmogorov_smirnov(np.round(confidence.astype(np.float64), 4)),
        kolmogorov_smirnov(np.concatenate([reference.length, window.length])),
    ]


def _resamples(settings: DriftConfig) -> int:
    # With fewer than 1 / alpha no p-value could ever be small enough for an alarm.
    return max(settings.resamples, ceil(2 / settings.alpha))
