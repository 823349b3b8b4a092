import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from finetune.measuring.calibration import calibration_error, calibration_table
from finetune.measuring.metrics import evaluate
from finetune.measuring.temperature import fit_temperature, probabilities_of
from finetune.measuring.truth import row_losses


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_temperature_of_logits_multiplied_by_three_is_three(kind: str) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 4))
    if kind == "single-label":
        probabilities = probabilities_of(logits, 1.0, "single-label")
        truth = (rng.random(4000)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    else:
        truth = rng.random(logits.shape) < probabilities_of(logits, 1.0, "multi-label")
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, rel=0.05)


def test_multi_label_probabilities_are_sigmoids() -> None:
    scores = probabilities_of(np.array([[4.0, 4.0, -4.0]]), 2.0, "multi-label")
    assert scores[0].tolist() == pytest.approx([0.8808, 0.8808, 0.1192], abs=1e-4)


def test_multi_label_temperature_is_bounded_if_all_rows_are_correct() -> None:
    truth = np.random.default_rng(0).random((50, 3)) < 0.5
    assert fit_temperature(np.where(truth, 4.0, -4.0), truth) > 0.3


def test_calibration_table_counts_every_row_and_gives_the_calibration_error() -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3), 500)
    truth = rng.integers(0, 3, 500)
    table = calibration_table(truth, probabilities)
    assert sum(entry.count for entry in table) == 500
    assert all(entry.low <= entry.confidence <= entry.high for entry in table)
    expected = evaluate(truth, probabilities, labels=["a", "b", "c"], kind="single-label").values
    assert calibration_error(table) == pytest.approx(expected["expected_calibration_error"])


def test_the_temperature_of_many_rows_is_the_minimum_that_scipy_finds() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(5, size=20_000)
    logits = 3 * np.eye(5)[truth] + 2 * rng.normal(size=(20_000, 5))

    def loss(temperature: float) -> float:
        return float(row_losses(truth, probabilities_of(logits, temperature, "single-label")).mean())

    least = minimize_scalar(loss, bounds=(0.05, 20.0), method="bounded", options={"xatol": 1e-9})
    assert loss(fit_temperature(logits, truth)) == pytest.approx(least.fun, abs=1e-7)
