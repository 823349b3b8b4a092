from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.features import Features
from monitoring.accuracy.thresholded import thresholded
from tests.monitoring import rows


def accuracy(features: Features) -> float:
    return float(np.mean(features.predicted == features.truth))


def test_without_a_change_the_estimate_is_the_accuracy_and_its_interval_covers_it() -> None:
    reference = rows.draw(600, seed=0)
    covered = 0
    for seed in range(1, 21):
        window = rows.draw(300, seed=seed)
        estimate = thresholded(reference, window, min_rows=50, seed=0)
        assert estimate is not None
        assert abs(estimate.value - accuracy(reference)) < 0.06
        covered += estimate.low <= accuracy(window) <= estimate.high
    assert covered >= 18


def test_rows_unlike_the_reference_and_lower_confidence_lower_the_estimate() -> None:
    reference, window = rows.draw(600, seed=0), rows.draw(300, seed=1)
    unchanged = thresholded(reference, window, min_rows=50, seed=0)
    unlike = replace(window, embeddings=np.where(np.arange(300)[:, None] % 3, window.embeddings, np.float32(9)))
    for changed in (unlike, rows.with_less_confidence(window)):
        estimate = thresholded(reference, changed, min_rows=50, seed=0)
        assert unchanged is not None
        assert estimate is not None
        assert estimate.high < unchanged.value
        assert estimate.low < estimate.value


def test_the_estimate_for_the_reference_itself_is_its_accuracy() -> None:
    reference = rows.draw(600, seed=0)
    recorded = replace(reference, embeddings=reference.embeddings.astype("f2").astype("f4"))
    for window in (reference, recorded):
        estimate = thresholded(reference, window, min_rows=50, seed=0)
        assert estimate is not None
        assert abs(estimate.value - accuracy(reference)) < 0.01


def test_without_known_truths_there_is_no_estimate() -> None:
    reference = rows.draw(200, seed=0)
    truth = np.where(np.arange(200) < 49, reference.truth, -1)
    window = rows.draw(100, seed=1)
    assert thresholded(replace(reference, truth=truth), window, min_rows=50, seed=0) is None


def test_a_reference_without_a_wrong_answer_and_identical_rows_still_give_an_estimate() -> None:
    reference = rows.draw(100, seed=0)
    perfect = replace(
        reference,
        predicted=reference.truth.astype(np.int64),
        embeddings=np.ones_like(reference.embeddings),
        confidence=np.ones(100, "f4"),
    )
    estimate = thresholded(perfect, perfect, min_rows=50, seed=0)
    assert estimate is not None
    assert (estimate.low, estimate.value, estimate.high) == (1.0, 1.0, 1.0)
