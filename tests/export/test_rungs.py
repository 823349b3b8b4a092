from pathlib import Path

import numpy as np

from core.engine import Outputs
from export.candidate import Candidate
from export.rungs import ExportSettings, RungReport, choose, report

SETTINGS = ExportSettings(max_drop=0.005, min_agreement=0.985)


def candidate(name: str, *, rows: int = 1000, changed: int = 0, lost: int = 0, move: float = 0.0) -> Candidate:
    """Two labels; the first `changed` rows get the other one, the first `lost` are no longer right."""
    probabilities = np.tile(np.array([[0.9, 0.1]], dtype=np.float32), (rows, 1))
    probabilities[:changed] = [0.1, 0.9]
    correct = np.ones(rows, dtype=bool)
    correct[:lost] = False
    outputs = Outputs(probabilities, np.zeros((rows, 1), dtype=np.float32), probabilities)
    return Candidate(name, Path(name), outputs, correct, 100.0, 1.0, move, 0)


def judged(**facts: object) -> RungReport:
    rows = int(str(facts.get("rows", 1000)))
    return report(candidate("int8", **facts), candidate("fp32", rows=rows), SETTINGS)  # type: ignore[arg-type]  # as named


def test_a_rung_within_the_limits_is_eligible() -> None:
    assert judged(changed=15, lost=5).eligible


def test_a_rung_that_loses_accuracy_is_not() -> None:
    assert judged(lost=6).why == "It is right on 6 fewer of 1000 rows; 5 are allowed."


def test_a_rung_that_changes_labels_is_not() -> None:
    assert judged(changed=16).why == "It changes 16 of 1000 labels; 15 are allowed."


def test_a_rung_that_depends_on_its_neighbours_is_not() -> None:
    assert "moves by 0.002" in judged(move=0.002).why


def test_one_row_of_few_proves_nothing() -> None:
    assert judged(rows=40, changed=1, lost=1).eligible
    assert not judged(rows=40, changed=2).eligible


def rung(name: str, *, speed: float, eligible: bool = True) -> RungReport:
    return RungReport(name, eligible, "", 0.9, 1.0, speed, 1.0)


def test_the_fastest_eligible_rung_is_chosen() -> None:
    assert choose([rung("fp32", speed=100), rung("int8-static", speed=200)]).name == "int8-static"
    assert choose([rung("fp32", speed=100), rung("int8-static", speed=200, eligible=False)]).name == "fp32"


def test_a_rung_hardly_faster_than_fp32_is_not_worth_it() -> None:
    assert choose([rung("fp32", speed=100), rung("int8-static", speed=105)]).name == "fp32"


def test_a_rung_asked_for_is_chosen_even_if_it_is_not_eligible() -> None:
    reports = [rung("fp32", speed=100), rung("int8-static", speed=200, eligible=False)]
    assert choose(reports, wanted="int8-static").name == "int8-static"
