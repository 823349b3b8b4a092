import json
import time

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from core.errors import NoRows, UnknownMetric
from core.metrics import measure, measure_sets
from finetune.measuring.bootstrap import bootstrap_intervals
from finetune.measuring.metrics import (
    PRIMARY_METRICS,
    evaluate,
    primary_value,
    require_primary,
)
from finetune.measuring.truth import predicted_labels, row_losses

RNG = np.random.default_rng(0)
LABELS = ["a", "b", "c", "d"]
PROBABILITIES = RNG.dirichlet(np.ones(4), 300)
TRUTH = np.where(RNG.random(300) < 0.6, PROBABILITIES.argmax(axis=1), RNG.integers(0, 4, 300))
WITH_UNKNOWN = np.where(np.arange(300) < 20, -1, TRUTH)
SCORES = RNG.random((300, 5))
MULTI_TRUTH = (SCORES + RNG.normal(0, 0.3, SCORES.shape)) > 0.7
MULTI_TRUTH[:, 4] = False
THRESHOLDS = np.array([0.5, 0.6, 0.7, 0.4, 0.999999])
MULTI_LABELS = ["a", "b", "c", "d", "never"]


@pytest.mark.parametrize("truth", [TRUTH, WITH_UNKNOWN])
def test_single_label_metrics_equal_those_of_core(truth: np.ndarray) -> None:
    found = evaluate(truth, PROBABILITIES, labels=LABELS, kind="single-label").values
    for name, value in vars(measure(truth, PROBABILITIES)).items():
        if name != "rows":
            assert found[name] == pytest.approx(value, abs=1e-12)


def test_multi_label_metrics_equal_those_of_core() -> None:
    found = evaluate(MULTI_TRUTH, SCORES, labels=MULTI_LABELS, kind="multi-label", thresholds=THRESHOLDS).values
    for name, value in vars(measure_sets(MULTI_TRUTH, SCORES, SCORES >= THRESHOLDS)).items():
        if name != "rows":
            assert found[name] == pytest.approx(value, abs=1e-12)


def test_single_label_metrics_equal_those_of_scikit_learn() -> None:
    found = evaluate(TRUTH, PROBABILITIES, labels=LABELS, kind="single-label").values
    predicted = PROBABILITIES.argmax(axis=1)
    assert found["weighted_f1"] == pytest.approx(sklearn_metrics.f1_score(TRUTH, predicted, average="weighted"))
    assert found["brier"] == pytest.approx(sklearn_metrics.brier_score_loss(TRUTH, PROBABILITIES))
    assert found["log_loss"] == pytest.approx(sklearn_metrics.log_loss(TRUTH, PROBABILITIES))
    assert "roc_auc" not in found


def test_two_labels_have_a_roc_auc_and_half_the_brier_score() -> None:
    two = RNG.dirichlet(np.ones(2), 200)
    truth = (two[:, 1] + RNG.normal(0, 0.3, 200) > 0.5).astype(np.int64)
    found = evaluate(truth, two, labels=["no", "yes"], kind="single-label").values
    assert found["roc_auc"] == pytest.approx(sklearn_metrics.roc_auc_score(truth, two[:, 1]))
    assert found["brier"] == pytest.approx(sklearn_metrics.brier_score_loss(truth, two[:, 1]))
    only_one = evaluate(np.zeros(200, dtype=np.int64), two, labels=["no", "yes"], kind="single-label")
    assert "roc_auc" not in only_one.values


def test_every_answer_to_an_unknown_label_is_wrong() -> None:
    found = evaluate(np.array([-1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]), labels=["a", "b"], kind="single-label")
    assert found.values["accuracy"] == 0.5
    assert found.values["brier"] == pytest.approx(0.5)
    assert found.per_label[0].precision == 0.5
    assert found.as_dict()["confusion"]["pairs"] == [{"truth": None, "predicted": "a", "count": 1}]


def test_confusion_matrix_equals_that_of_scikit_learn() -> None:
    confusion = evaluate(TRUTH, PROBABILITIES, labels=LABELS, kind="single-label").as_dict()["confusion"]
    expected = sklearn_metrics.confusion_matrix(TRUTH, PROBABILITIES.argmax(axis=1))
    assert confusion["matrix"] == expected.tolist()
    counts = [pair["count"] for pair in confusion["pairs"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == expected.sum() - np.trace(expected)


def test_many_labels_have_confused_pairs_and_no_matrix() -> None:
    labels = [f"label {index:03}" for index in range(150)]
    truth = np.repeat(np.arange(150), 4)
    probabilities = np.full((600, 150), 0.001)
    probabilities[np.arange(600), truth] = 0.5
    probabilities[truth == 3] = 0.0
    probabilities[truth == 3, 7] = 1.0
    confusion = evaluate(truth, probabilities, labels=labels, kind="single-label").as_dict()["confusion"]
    assert confusion["matrix"] is None
    assert confusion["pairs"] == [{"truth": "label 003", "predicted": "label 007", "count": 4}]


def test_multi_label_metrics_equal_those_of_scikit_learn() -> None:
    found = evaluate(MULTI_TRUTH, SCORES, labels=MULTI_LABELS, kind="multi-label", thresholds=THRESHOLDS)
    predicted = SCORES >= THRESHOLDS
    for average in ("micro", "weighted"):
        expected = sklearn_metrics.f1_score(MULTI_TRUTH, predicted, average=average, zero_division=0.0)
        assert found.values[f"{average}_f1"] == pytest.approx(expected)
    # A label that occurs neither in the truth nor in the predictions is ignored.
    occurring = sklearn_metrics.f1_score(MULTI_TRUTH[:, :4], predicted[:, :4], average="macro")
    assert found.values["macro_f1"] == pytest.approx(occurring)
    assert found.values["subset_accuracy"] == sklearn_metrics.accuracy_score(MULTI_TRUTH, predicted)
    assert found.values["hamming_loss"] == sklearn_metrics.hamming_loss(MULTI_TRUTH, predicted)
    binary = [sklearn_metrics.log_loss(MULTI_TRUTH[:, j], SCORES[:, j], labels=[False, True]) for j in range(5)]
    assert found.values["log_loss"] == pytest.approx(np.mean(binary))
    squared = [sklearn_metrics.brier_score_loss(MULTI_TRUTH[:, j], SCORES[:, j], pos_label=True) for j in range(4)]
    assert found.values["brier"] == pytest.approx((sum(squared) + np.mean(SCORES[:, 4] ** 2)) / 5)
    assert [scores.support for scores in found.per_label] == MULTI_TRUTH.sum(axis=0).tolist()


@pytest.mark.parametrize("name", PRIMARY_METRICS)
def test_primary_value_equals_that_of_the_evaluation(name: str) -> None:
    if "single-label" in PRIMARY_METRICS[name].kinds:
        single = evaluate(WITH_UNKNOWN, PROBABILITIES, labels=LABELS, kind="single-label")
        assert primary_value(name, WITH_UNKNOWN, PROBABILITIES) == pytest.approx(single.values[name])
    several = evaluate(MULTI_TRUTH, SCORES, labels=MULTI_LABELS, kind="multi-label", thresholds=THRESHOLDS)
    assert primary_value(name, MULTI_TRUTH, SCORES, thresholds=THRESHOLDS) == pytest.approx(several.values[name])


def test_multi_label_metric_cannot_select_a_single_label_model() -> None:
    with pytest.raises(UnknownMetric, match=r"'micro_f1'.*single-label.*accuracy, macro_f1, weighted_f1, log_loss"):
        primary_value("micro_f1", TRUTH, PROBABILITIES)
    with pytest.raises(UnknownMetric, match="'auc'"):
        require_primary("auc", "multi-label")


def test_no_rows_are_refused() -> None:
    with pytest.raises(NoRows):
        evaluate(np.array([], dtype=np.int64), np.zeros((0, 2)), labels=["a", "b"], kind="single-label")


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_evaluation_is_safe_for_json_and_its_intervals_contain_its_values(kind: str) -> None:
    found = (
        evaluate(WITH_UNKNOWN, PROBABILITIES.astype(np.float32), labels=LABELS, kind="single-label")
        if kind == "single-label"
        else evaluate(MULTI_TRUTH, SCORES.astype(np.float32), labels=MULTI_LABELS, kind="multi-label")
    )
    content = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert {"accuracy", "macro_f1", "log_loss", "expected_calibration_error"} <= set(content["intervals"])
    for name, (low, high) in content["intervals"].items():
        assert low <= content[name] <= high
    assert found.as_dict() == json.loads(json.dumps(found.as_dict()))


def test_intervals_contain_the_true_value_with_their_nominal_probability() -> None:
    """A calibrated model and one with confidences 0.1 too high, on 300 rows of 3 labels."""
    rng = np.random.default_rng(1)
    covered = {"accuracy": 0, "calibrated": 0, "overconfident": 0}
    for _ in range(100):  # a coverage of 95 % gives 88 to 99 of 100 by chance
        accuracy = rng.uniform(0.5, 0.9, 300)
        for name, excess in (("calibrated", 0.0), ("overconfident", 0.1)):
            confidence = accuracy + excess
            probabilities = np.column_stack([confidence, (1 - confidence) / 2, (1 - confidence) / 2])
            truth = np.where(rng.random(300) < accuracy, 0, 1)
            found = bootstrap_intervals(
                truth, np.zeros(300, dtype=np.int64), probabilities, np.zeros(300), seed=0, resamples=300
            )
            low, high = found["expected_calibration_error"]
            covered[name] += low - 1e-3 <= excess <= high
            covered["accuracy"] += name == "calibrated" and found["accuracy"][0] <= 0.7 <= found["accuracy"][1]
    assert covered["accuracy"] >= 88
    assert covered["calibrated"] >= 88
    assert covered["overconfident"] >= 85


def test_same_seed_gives_the_same_intervals() -> None:
    first, again = (evaluate(TRUTH, PROBABILITIES, labels=LABELS, kind="single-label", seed=3) for _ in range(2))
    assert first.intervals == again.intervals


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_a_thousand_resamples_of_ten_thousand_rows_take_seconds(kind: str) -> None:
    probabilities = RNG.dirichlet(np.ones(150), 10_000)
    truth = RNG.integers(0, 150, 10_000) if kind == "single-label" else RNG.random((10_000, 150)) < 0.02
    predicted = predicted_labels(truth, probabilities, np.full(150, 0.03))
    losses = row_losses(truth, probabilities)
    started = time.process_time()
    bootstrap_intervals(truth, predicted, probabilities, losses, seed=0)
    assert time.process_time() - started < 5
