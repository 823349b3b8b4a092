from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config import DriftConfig
from core.features import Features
from monitoring.check import check
from monitoring.sample import sample_sides
from monitoring.signals.confidence import Confidence
from monitoring.signals.embeddings import Embeddings
from monitoring.signals.predicted_labels import PredictedLabels
from monitoring.signals.text_length import TextLength
from tests.monitoring import rows

SETTINGS = DriftConfig(resamples=199, alpha=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("reference_rows", "window_rows"), [(100, 50), (60, 300)])
def test_the_rate_of_false_alarms_is_alpha(reference_rows: int, window_rows: int) -> None:
    repetitions = 200
    alarms = 0
    for seed in range(repetitions):
        reference = rows.draw(reference_rows, seed=2 * seed)
        window = rows.draw(window_rows, seed=2 * seed + 1)
        verdict = check(reference, window, labels=rows.LABELS, settings=SETTINGS, seed=seed)
        alarms += verdict.outcome == "drift"
    # Binomial(200, 0.05) lies in 3..20 with probability 0.996.
    assert 3 <= alarms <= 20


@pytest.mark.parametrize(
    ("feature", "changed"),
    [
        (Embeddings.feature, rows.with_other_embeddings),
        (PredictedLabels.feature, rows.with_other_labels),
        (Confidence.feature, rows.with_less_confidence),
        (TextLength.feature, rows.with_longer_texts),
    ],
)
def test_a_changed_feature_is_detected_and_named(feature: str, changed: Callable[[Features], Features]) -> None:
    window = changed(rows.draw(120, seed=1))
    verdict = check(rows.draw(200, seed=0), window, labels=rows.LABELS, settings=DriftConfig())
    assert verdict.outcome == "drift"
    assert verdict.p_value is not None
    assert 0 < verdict.p_value <= 0.01
    assert feature in [item.feature for item in verdict.evidence if item.drifted]
    assert feature in verdict.sentence


def test_features_that_did_not_change_are_not_named() -> None:
    window = rows.with_longer_texts(rows.draw(120, seed=1))
    verdict = check(rows.draw(200, seed=0), window, labels=rows.LABELS, settings=DriftConfig())
    assert [item.feature for item in verdict.evidence if item.drifted] == ["text length"]


@pytest.mark.parametrize(
    ("reference_rows", "window_rows", "words"),
    [(200, 12, "12 of 50, so 38 more"), (30, 200, "at least 20 more reference rows"), (200, 0, "0 of 50")],
)
def test_too_few_rows_are_insufficient_data(reference_rows: int, window_rows: int, words: str) -> None:
    reference, window = rows.draw(reference_rows, seed=0), rows.draw(window_rows, seed=1)
    verdict = check(reference, window, labels=rows.LABELS, settings=DriftConfig())
    assert (verdict.outcome, verdict.p_value, verdict.evidence) == ("insufficient_data", None, [])
    assert words in verdict.sentence


def test_few_resamples_can_raise_an_alarm_at_a_small_alpha() -> None:
    window = rows.with_longer_texts(rows.draw(120, seed=1))
    settings = DriftConfig(resamples=100, alpha=0.002)
    assert check(rows.draw(200, seed=0), window, labels=rows.LABELS, settings=settings).outcome == "drift"


def test_same_input_and_seed_give_the_same_verdict_as_json() -> None:
    reference, window = rows.draw(100, seed=0), rows.draw(80, seed=1)
    first, second = (check(reference, window, labels=rows.LABELS, settings=SETTINGS, seed=4) for _ in range(2))
    assert json.dumps(asdict(first)) == json.dumps(asdict(second))


def test_a_feature_with_one_value_only_has_a_p_value_of_1() -> None:
    same = [replace(rows.draw(60, seed=seed), length=np.full(60, 3), predicted=np.zeros(60, int)) for seed in (0, 1)]
    verdict = check(same[0], same[1], labels=rows.LABELS, settings=SETTINGS)
    assert [
        item.p_value for item in verdict.evidence if item.feature in (PredictedLabels.feature, TextLength.feature)
    ] == [1.0, 1.0]


def test_large_sides_are_sampled_and_the_sentence_says_so() -> None:
    verdict = check(rows.draw(2100, seed=0), rows.draw(3000, seed=1), labels=rows.LABELS, settings=SETTINGS)
    assert (verdict.reference_rows, verdict.rows) == (2100, 3000)
    assert "2000 of 2100 reference rows and 2000 of 3000 recent rows" in verdict.sentence


def recurring(count: int, *, seed: int) -> Features:
    """Rows of which a third are copies of 30 texts of one label, folded."""
    random = np.random.default_rng(seed)
    often = rows.draw(30, seed=77, label_shares=(1.0, 0.0, 0.0, 0.0))
    drawn = np.bincount(random.integers(0, 30, count // 3), minlength=30)
    once = rows.draw(count - count // 3, seed=seed)
    parts = {name: np.concatenate([values[drawn > 0], getattr(once, name)]) for name, values in _arrays(often)}
    return Features(**parts, copies=np.concatenate([drawn[drawn > 0], np.ones(once.rows, dtype=np.int64)]))


def _arrays(features: Features) -> Iterator[tuple[str, NDArray[Any]]]:
    return ((name, values) for name, values in vars(features).items() if values is not None)


@pytest.mark.parametrize(("reference_rows", "window_rows"), [(150, 1000), (1000, 150)])
def test_texts_that_recur_cause_no_alarm_if_one_side_is_much_larger(reference_rows: int, window_rows: int) -> None:
    settings = DriftConfig(alpha=0.05, resamples=100)
    drifted = 0
    for seed in range(20):
        reference, window = recurring(reference_rows, seed=seed), recurring(window_rows, seed=100 + seed)
        drifted += check(reference, window, labels=rows.LABELS, settings=settings).outcome == "drift"
    assert drifted <= 3  # 0.98 of all draws of 20 at 5 %


def test_a_text_that_one_side_repeats_leaves_all_rows_of_the_other_in_the_check() -> None:
    reference, window = rows.draw(400, seed=1), rows.draw(100, seed=2)
    copies = np.where(np.arange(100) < 10, 50, 1)
    ones = np.ones(400, dtype=np.int64)
    sides = sample_sides(replace(reference, copies=ones), replace(window, copies=copies), rows.LABELS)
    assert (sides.reference.rows, sides.window.rows) == (400, 100)
