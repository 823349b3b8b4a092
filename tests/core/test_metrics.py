import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from core.metrics import expected_calibration_error, log_loss, macro_f1, measure
from core.share import wilson_interval

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 4, 300)
PROBABILITIES = RNG.dirichlet(np.ones(4), 300)


def test_metrics_agree_with_scikit_learn() -> None:
    found = measure(TRUTH, PROBABILITIES)
    predicted = PROBABILITIES.argmax(axis=1)
    assert found.accuracy == pytest.approx(sklearn_metrics.accuracy_score(TRUTH, predicted))
    assert found.macro_f1 == pytest.approx(sklearn_metrics.f1_score(TRUTH, predicted, average="macro"))
    assert found.log_loss == pytest.approx(sklearn_metrics.log_loss(TRUTH, PROBABILITIES))


def test_unknown_label_counts_as_wrong_everywhere() -> None:
    truth = np.array([-1, 0])
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = measure(truth, probabilities)
    assert found.accuracy == 0.5
    assert found.log_loss > 10
    assert macro_f1(truth, np.array([0, 0])) < 0.5


def test_calibration_error_of_certain_answers_is_0_if_right_and_1_if_wrong() -> None:
    certain = np.array([[1.0, 0.0]] * 10)
    assert expected_calibration_error(np.zeros(10, dtype=int), certain) == 0.0
    assert expected_calibration_error(np.ones(10, dtype=int), certain) == 1.0
    assert log_loss(np.zeros(10, dtype=int), certain) == pytest.approx(0.0)


def test_the_wilson_interval_of_no_rows_is_0_to_1() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
