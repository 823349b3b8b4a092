import numpy as np
import pytest

from finetune.measuring.calibration import calibration_error, calibration_table
from finetune.measuring.metrics import evaluate
from finetune.measuring.temperature import fit_temperature, probabilities_of


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_temperature_undoes_what_a_model_exaggerates(kind: str) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (4000, 4))
    if kind == "single-label":
        probabilities = probabilities_of(logits, 1.0, "single-label")
        truth = (random.random(4000)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
        found = fit_temperature(3 * logits, truth)
    else:
        truth = random.random(logits.shape) < probabilities_of(logits, 1.0, "multi-label")
        found = fit_temperature(3 * logits, truth)
    assert found == pytest.approx(3, rel=0.05)


def test_probabilities_of_several_labels_do_not_compete() -> None:
    scores = probabilities_of(np.array([[4.0, 4.0, -4.0]]), 2.0, "multi-label")
    assert scores[0].tolist() == pytest.approx([0.8808, 0.8808, 0.1192], abs=1e-4)


def test_rows_that_are_all_right_do_not_make_several_labels_certain() -> None:
    truth = np.random.default_rng(0).random((50, 3)) < 0.5
    assert fit_temperature(np.where(truth, 4.0, -4.0), truth) > 0.3


def test_table_of_bins_holds_every_row_and_sums_to_the_error() -> None:
    random = np.random.default_rng(1)
    probabilities = random.dirichlet(np.ones(3), 500)
    truth = random.integers(0, 3, 500)
    table = calibration_table(truth, probabilities)
    assert sum(entry.count for entry in table) == 500
    assert all(entry.low <= entry.confidence <= entry.high for entry in table)
    expected = evaluate(truth, probabilities, labels=["a", "b", "c"], kind="single-label").values
    assert calibration_error(table) == pytest.approx(expected["expected_calibration_error"])
