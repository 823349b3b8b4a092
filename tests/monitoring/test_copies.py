"""Each text of a window counts once, and repetition is reported beside the result."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from core.champion import read_champion
from core.datasets import Example
from core.engine import Engine
from core.records import CheckRecord, Repetition, Verdict
from core.reference import reference_of
from core.stored import as_stored, restored
from monitoring.watch import check_file, check_window
from monitoring.wording import repetition_note
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.test_watch import traffic
from tests.words import word_examples


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


def test_of_rows_without_a_stored_text_those_with_one_embedding_count_once(served: Served) -> None:
    rows = traffic(served, 60, seed=1)
    served.receive(rows, text="")
    copied = np.repeat(rows.embeddings[:1], 300, axis=0) * np.linspace(0.9999, 1.0001, 300, dtype=np.float32)[:, None]
    served.receive(replace(traffic(served, 300, seed=2), embeddings=copied), text="")
    verdict = checked(served).verdict
    different = len(np.unique(rows.embeddings.round(2), axis=0))
    assert (verdict.outcome, verdict.rows) == ("ok", different)
    assert verdict.repetition is not None
    assert (verdict.repetition.rows, verdict.repetition.texts) == (360, different)


LONG = "could you please tell me where the parcel is that I ordered from your shop on monday"


def test_near_copies_of_one_text_are_one_row(served: Served) -> None:
    once = [*word_examples(100, seed=3), Example(LONG)]
    near = [*once, *(Example(f"{LONG}, number {number}") for number in range(200))]
    champion = read_champion(served.registry, MODEL)
    before = check_file(served.home, champion, once, source="new.csv").record.verdict
    verdict = check_file(served.home, champion, near, source="new.csv").record.verdict
    assert (verdict.outcome, verdict.rows) == (before.outcome, 101)
    assert verdict.repetition == Repetition(rows=301, texts=101, most=201)


def test_near_copies_in_traffic_are_one_row(served: Served) -> None:
    served.receive(traffic(served, 60, seed=1))
    for number in range(100):
        served.receive(traffic(served, 1, seed=2), text=f"{LONG}, number {number}")
    assert checked(served).verdict.rows == 61


def test_near_copies_count_apart_beside_a_reference_in_which_they_do(served: Served) -> None:
    champion = read_champion(served.registry, MODEL)
    earlier = replace(champion, reference=replace(champion.reference, copies=None))
    near = [*word_examples(100, seed=3), *(Example(f"{LONG}, number {number}") for number in range(20))]
    assert check_file(served.home, earlier, near, source="new.csv").record.verdict.rows == 120


def test_the_reference_keeps_near_copies_once_with_their_number(served: Served) -> None:
    rows = [Example("hello there", "bug"), Example(LONG, "bug"), Example(f"{LONG} please", "how to")]
    features, _ = reference_of(Engine(read_champion(served.registry, MODEL).folder), rows)
    assert features.copies is not None
    assert (features.copies.tolist(), features.truth.tolist()) == ([1, 2], [1, 2])


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
