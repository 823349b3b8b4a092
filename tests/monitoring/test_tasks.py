"""Drift checks of multi-label models and of models of text pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.champion import read_champion
from core.clock import sortable_id, utc_now
from core.config import Config, DriftConfig
from core.datasets import Example
from core.engine import Engine
from core.errors import UnknownLabels
from core.features import Features
from core.home import Home
from core.records import PredictionRecord
from monitoring.accuracy.thresholded import thresholded
from monitoring.check import check
from monitoring.illustration import illustrate
from monitoring.signals.predicted_labels import PredictedLabels
from monitoring.watch import check_file, check_window
from monitoring.window import features_of
from tests.monitoring import rows
from tests.tasks import TaskFiles, multi_label_rows, paired_rows

SETTINGS = DriftConfig(resamples=199, alpha=0.05)


def draw_sets(count: int, *, seed: int, shares: tuple[float, ...] = (0.5, 0.4, 0.2, 0.1)) -> Features:
    """Rows with zero to four independent labels each; most sets are right."""
    random = np.random.default_rng(seed)
    truth = random.random((count, len(shares))) < shares
    features = rows.draw(count, seed=seed)
    wrong = random.random(count) > features.confidence
    predicted = truth.copy()
    predicted[wrong, 0] = ~predicted[wrong, 0]
    return replace(features, predicted=predicted, truth=truth.astype(np.int8))


def test_a_more_frequent_label_is_detected_and_named() -> None:
    window = draw_sets(200, seed=1, shares=(0.5, 0.4, 0.2, 0.5))
    verdict = check(draw_sets(300, seed=0), window, labels=rows.LABELS, settings=DriftConfig())
    assert [item.feature for item in verdict.evidence if item.drifted] == [PredictedLabels.feature]
    assert "'praise' grew from" in next(
        item.detail for item in verdict.evidence if item.feature == PredictedLabels.feature
    )


def test_texts_without_labels_are_detected_and_named() -> None:
    window = draw_sets(200, seed=1)
    without_labels = window.predicted & (np.arange(200) % 2 == 0)[:, None]
    verdict = check(
        draw_sets(300, seed=0), replace(window, predicted=without_labels), labels=rows.LABELS, settings=DriftConfig()
    )
    assert "'no label' grew from" in next(item.detail for item in verdict.evidence if item.drifted)


def test_the_rate_of_false_alarms_for_sets_of_labels_is_alpha() -> None:
    alarms = 0
    for seed in range(60):
        reference, window = draw_sets(100, seed=2 * seed), draw_sets(60, seed=2 * seed + 1)
        alarms += check(reference, window, labels=rows.LABELS, settings=SETTINGS, seed=seed).outcome == "drift"
    # Binomial(60, 0.05) is at most 8 with probability 0.996.
    assert alarms <= 8


def test_the_estimated_accuracy_is_that_of_whole_sets() -> None:
    reference, window = draw_sets(600, seed=0), draw_sets(300, seed=1)
    estimate = thresholded(reference, window, min_rows=50, seed=0)
    assert estimate is not None
    assert estimate.low <= window.right.mean() <= estimate.high
    unlabelled = replace(reference, truth=np.full(reference.predicted.shape, -1, np.int8))
    assert thresholded(unlabelled, window, min_rows=50, seed=0) is None


def test_sets_of_labels_are_read_from_the_cells_of_the_ledger() -> None:
    record = PredictionRecord("a", "m", "1", utc_now(), "x", "b|a", 0.5, 3, False, np.zeros(2, np.float32))
    records = [record, replace(record, label="")]
    features = features_of(records, ["a", "b", "c"], dimensions=2, multi_label=True)
    assert features.predicted.tolist() == [[True, True, False], [False, False, False]]
    assert not features.known.any()
    with pytest.raises(UnknownLabels, match="yore"):
        features_of([replace(record, label="a|yore")], ["a"], dimensions=2, multi_label=True)
    assert features_of([], ["a"], dimensions=2, multi_label=True).predicted.shape == (0, 1)


@pytest.mark.parametrize("task", ["multi_label", "paired"])
def test_traffic_and_files_are_checked(task: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    files: TaskFiles = request.getfixturevalue(task)
    config = Config(home=tmp_path, drift=SETTINGS)
    home = Home(config)
    registry, ledger = home.registry, home.ledger
    registry.promote("m", registry.add(files.package, "m"))
    fresh = multi_label_rows(150, seed=7) if task == "multi_label" else paired_rows(150, seed=7)
    ledger.record_predictions(predictions_of(Engine(files.package, threads=1), fresh))
    champion = read_champion(registry, "m")
    checked, found = check_window(home, champion), check_file(home, champion, fresh, source="fresh.csv")
    assert checked.record.verdict.p_value == pytest.approx(found.record.verdict.p_value, abs=0.02)
    record = illustrate(home, champion, checked.record, checked.window).record
    assert record.report is not None
    assert (tmp_path / record.report).is_file()
    assert found.measured_accuracy is not None
    assert (estimate := found.record.verdict.estimated_accuracy) is not None
    assert abs(estimate.value - found.measured_accuracy.value) < 0.15
    home.close()


def predictions_of(engine: Engine, examples: list[Example]) -> list[PredictionRecord]:
    """Predictions as the service records them."""
    from core.assigned import cells

    features = engine.features(examples)
    return [
        PredictionRecord(
            sortable_id(),
            "m",
            "1",
            utc_now(),
            example.text,
            cell,
            float(features.confidence[row]),
            int(features.length[row]),
            False,
            features.embeddings[row],
            example.pair,
        )
        for row, (example, cell) in enumerate(zip(examples, cells(features.predicted, engine.labels), strict=True))
    ]
