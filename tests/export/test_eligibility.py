"""Which rungs may be served: each rule by a rung that keeps it and one that does not."""

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


def against(rows: int = 1000, settings: ExportSettings = SETTINGS, *, wrong: int = 50, **facts: Any) -> str | None:
    full = candidate("fp32", rows=rows, wrong=wrong)
    return objection(candidate(rows=rows, wrong=wrong, **facts), full, settings)


def test_a_rung_within_all_limits_is_eligible() -> None:
    assert against(lost=5, gained=2) is None


def test_accuracy_that_is_measured_to_drop_too_far() -> None:
    assert against(lost=6) == "It loses 0.60% of 1000 rows; 0.50% are allowed."


def test_accuracy_that_may_drop_too_far_though_it_is_not_measured_to() -> None:
    found = against(rows=400, lost=6, gained=4, settings=replace(SETTINGS, min_agreement=0.9))
    assert found is not None
    assert "It may lose up to 2.00%" in found


def test_too_few_rows_show_nothing_and_how_many_would() -> None:
    assert (
        against(rows=67, wrong=5) == "67 labelled rows are too few to show that it loses at most 0.50%; 178 are needed."
    )
    assert against(rows=178, wrong=5) is None
    assert "no number of rows is enough" in str(against(settings=replace(SETTINGS, max_drop=0.0)))


def test_labels_that_change_though_accuracy_stays() -> None:
    assert against(lost=8, gained=8) == "It changes 16 of 1000 labels (98.40% stay); 98.50% must stay."


def test_answers_that_depend_on_their_neighbours() -> None:
    assert "moves by 0.002" in str(against(move=0.002))
    assert "depend on what else" in str(against(move=float("nan")))
    assert "1 label changes and" in str(against(moved=1))
    assert "takes its scales from whatever is in the batch" in str(against(is_dynamic=True))


def test_confidence_that_is_no_longer_calibrated() -> None:
    assert "calibration error is 0.049, full precision has 0.000" in str(
        objection(candidate(score=0.999, wrong=50), candidate("fp32", score=0.95, wrong=50), SETTINGS)
    )


def test_the_rows_needed_are_those_from_which_no_change_is_shown_to_cost_little() -> None:
    needed = int(np.ceil(rows_needed(SETTINGS)))
    assert Paired(0, 0, needed).largest_loss <= 0.015 < Paired(0, 0, needed - 1).largest_loss


def rare(rows: int = 1000, missed: int = 0) -> Candidate:
    """Of `rows` 20 have a rare label, `missed` of which are not found."""
    truth = np.zeros(rows, dtype=np.int64)
    truth[:20] = 1
    predicted = truth.copy()
    predicted[:missed] = 0
    probabilities = np.where(np.eye(2)[predicted] == 1, 0.999, 0.001).astype(np.float32)
    outputs = Outputs(probabilities, np.zeros((rows, 1), dtype=np.float32), probabilities)
    return Candidate("int8", Path("int8"), outputs, truth, max_probability_change=0.0, changed_labels=0, size_mb=1.0)


def test_a_primary_metric_that_drops_where_accuracy_hardly_does() -> None:
    assert objection(rare(missed=4), rare(), SETTINGS) is None
    found = objection(rare(missed=4), rare(), replace(SETTINGS, primary_metric="macro_f1"))
    assert found is not None
    assert found.startswith("Its macro f1 is 5.")


def test_f1_of_counts_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    chance = np.random.default_rng(0)
    truth, predicted = chance.integers(0, 4, 300), chance.integers(0, 4, 300)
    probabilities = np.eye(4, dtype=np.float32)[predicted]
    made = Candidate("x", Path("x"), Outputs(probabilities, probabilities, probabilities), truth, 0.0, 0, 1.0)
    for metric, average in (("macro_f1", "macro"), ("weighted_f1", "weighted"), ("micro_f1", "micro")):
        weights = np.ones((1, 300))
        assert f1_values(made, metric, weights) == pytest.approx(f1_score(truth, predicted, average=average))
        weights[0, :100] = 0
        expected = f1_score(truth[100:], predicted[100:], average=average)
        assert f1_values(made, metric, weights) == pytest.approx(expected)
