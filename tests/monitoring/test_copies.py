"""Each text of a window counts once, and repetition is reported beside the result."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from core.champion import read_champion
from core.datasets import Example
from core.records import CheckRecord, Repetition, Verdict
from core.stored import as_stored, restored
from monitoring.watch import check_file, check_window
from monitoring.wording import repetition_note
from tests.monitoring.conftest import MODEL, Served, word_examples
from tests.monitoring.test_watch import traffic


def checked(served: Served) -> CheckRecord:
    return check_window(served.home, read_champion(served.registry, MODEL)).record


def test_one_text_is_one_row_and_the_sentence_names_its_share(served: Served) -> None:
    served.receive(traffic(served, 60, seed=1))
    served.receive(traffic(served, 300, seed=2), text="Please help")
    served.receive(traffic(served, 1, seed=3), text="please  HELP")
    verdict = checked(served).verdict
    assert (verdict.outcome, verdict.rows) == ("ok", 61)
    assert verdict.repetition == Repetition(rows=361, texts=61, most=301)
    assert "83 % of the 361 rows are one text, and each of the 61 texts counts once." in verdict.sentence


def test_a_flood_of_one_text_pushes_no_other_text_out_of_the_window(served: Served) -> None:
    served.receive(traffic(served, 60, seed=1))
    for seed in range(3):
        served.receive(traffic(served, 1000, seed=seed), text="please help")
    record = checked(served)
    assert record.verdict.rows == 61
    assert record.last_number == 3060


def test_a_flood_of_one_text_is_no_evidence(served: Served) -> None:
    served.receive(traffic(served, 300, seed=2), text="please help")
    verdict = checked(served).verdict
    assert verdict.outcome == "insufficient_data"
    assert verdict.sentence.startswith("Too few rows to judge: 1 of 50")
    assert "100 % of the 300 rows are one text" in verdict.sentence


def test_rows_without_a_stored_text_count_each(served: Served) -> None:
    served.receive(traffic(served, 60, seed=1), text="")
    assert checked(served).verdict.rows == 60


def test_each_text_of_a_file_counts_once_with_its_last_label(served: Served) -> None:
    rows = word_examples(100, seed=3)
    copies = [Example(rows[0].text.upper(), "no such label")] * 299 + [Example(rows[0].text, rows[0].label)]
    champion = read_champion(served.registry, MODEL)
    once = check_file(served.home, champion, rows, source="new.csv")
    found = check_file(served.home, champion, [*rows, *copies], source="new.csv")
    assert found.measured_accuracy == once.measured_accuracy
    assert (found.record.verdict.rows, found.record.verdict.p_value) == (100, once.record.verdict.p_value)
    assert "75 % of the 400 rows are one text" in found.record.verdict.sentence


@pytest.mark.parametrize(
    ("repetition", "note"),
    [
        (Repetition(100, 95, 3), ""),
        (Repetition(0, 0, 0), ""),
        (Repetition(100, 50, 2), " 50 % of the 100 rows are copies, and each of the 50 texts counts once."),
    ],
)
def test_only_much_repetition_is_reported(repetition: Repetition, note: str) -> None:
    assert repetition_note(repetition) == note


def test_repetition_is_stored_with_the_verdict() -> None:
    verdict = Verdict("ok", repetition=Repetition(9, 3, 7))
    assert json.loads(json.dumps(asdict(verdict)))["repetition"] == {"rows": 9, "texts": 3, "most": 7}
    assert restored(Verdict, as_stored(verdict)) == verdict
