"""The criteria for rungs, each with a rung that passes and one that fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.engine import Outputs
from core.paired import Paired
from export.candidate import Candidate
from export.eligibility import f1_values, objection, rows_needed
from export.settings import ExportSettings
from tests.export.candidates import candidate

SETTINGS = ExportSettings(max_drop=0.005, min_agreement=0.985)


def objection_to(rows: int = 1000, settings: ExportSettings = SETTINGS, *, wrong: int = 50, **facts: Any) -> str | None:
    baseline = candidate("fp32", rows=rows, wrong=wrong)
    return objection(candidate(rows=rows, wrong=wrong, **facts), baseline, settings)


def test_a_rung_within_all_limits_is_eligible() -> None:
    assert objection_to(lost=5, gained=2) is None


def test_measured_drop_of_accuracy_is_an_objection() -> None:
    assert objection_to(lost=6) == "It loses 0.60 % of 1000 rows; 0.50 % are allowed."


def test_possible_drop_of_accuracy_is_an_objection() -> None:
    found = objection_to(rows=400, lost=6, gained=4, settings=replace(SETTINGS, min_agreement=0.9))
    assert found is not None
    assert "It may lose up to 2.00 %" in found


def test_objection_to_too_few_rows_names_the_number_needed() -> None:
    assert (
        objection_to(rows=67, wrong=5)
        == "67 labelled rows are too few to show that it loses at most 0.50 %; 178 are needed."
    )
    assert objection_to(rows=178, wrong=5) is None
    assert "no number of rows is enough" in str(objection_to(settings=replace(SETTINGS, max_drop=0.0)))


def test_too_many_changed_labels_are_an_objection() -> None:
    assert objection_to(lost=8, gained=8) == "It changes 16 of 1000 labels (98.40 % stay); 98.50 % must stay."


def test_answers_that_depend_on_the_batch_are_an_objection() -> None:
    assert "changes by 0.002" in str(objection_to(probability_change=0.002))
    assert "depend on the other texts" in str(objection_to(probability_change=float("nan")))
    assert "1 label changes and" in str(objection_to(changed_labels=1))
    assert "quantization scales depend on the batch" in str(objection_to(is_dynamic=True))


def test_increased_calibration_error_is_an_objection() -> None:
    assert "calibration error is 0.049, that of full precision 0.000" in str(
        objection(candidate(score=0.999, wrong=50), candidate("fp32", score=0.95, wrong=50), SETTINGS)
    )


def test_rows_needed_give_an_acceptable_bound_without_any_change() -> None:
    needed = int(np.ceil(rows_needed(SETTINGS)))
    assert Paired(0, 0, needed).largest_loss <= 0.015 < Paired(0, 0, needed - 1).largest_loss


def rare(rows: int = 1000, missed: int = 0) -> Candidate:
    """A rung on `rows` rows, 20 of which have a rare label; `missed` of these are predicted wrongly."""
    truth = np.zeros(rows, dtype=np.int64)
    truth[:20] = 1
    predicted = truth.copy()
    predicted[:missed] = 0
    probabilities = np.where(np.eye(2)[predicted] == 1, 0.999, 0.001).astype(np.float32)
    outputs = Outputs(probabilities, np.zeros((rows, 1), dtype=np.float32), probabilities)
    return Candidate("int8", Path("int8"), outputs, truth, max_probability_change=0.0, changed_labels=0, size_mb=1.0)


def test_drop_of_the_primary_metric_is_an_objection() -> None:
    assert objection(rare(missed=4), rare(), SETTINGS) is None
    found = objection(rare(missed=4), rare(), replace(SETTINGS, primary_metric="macro_f1"))
    assert found is not None
    assert found.startswith("Its macro f1 is 5.")


def test_f1_values_equal_those_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    probabilities = np.eye(4, dtype=np.float32)[predicted]
    made = Candidate("x", Path("x"), Outputs(probabilities, probabilities, probabilities), truth, 0.0, 0, 1.0)
    for metric, average in (("macro_f1", "macro"), ("weighted_f1", "weighted"), ("micro_f1", "micro")):
        weights = np.ones((1, 300))
        assert f1_values(made, metric, weights) == pytest.approx(f1_score(truth, predicted, average=average))
        weights[0, :100] = 0
        expected = f1_score(truth[100:], predicted[100:], average=average)
        assert f1_values(made, metric, weights) == pytest.approx(expected)
