from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.clock import sortable_id, utc_now
from core.config import Config
from core.datasets import Example, keep_dataset
from core.home import Home
from core.labelling import labelled_texts
from core.labelling.labelled_texts import texts_of_people, training_file, training_texts, with_names_of_today
from core.lineage import Lineage, TrainingData
from core.package import PackageFacts
from core.records import FeedbackRecord, PredictionRecord
from core.taxonomy import LabelRule

FACTS = PackageFacts(["billing", "bug"], "softmax", 1.0, 32, "fp32")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(Config(home=tmp_path))


def predicted(home: Home, *texts: str, version: str = "1") -> list[str]:
    rows = [
        PredictionRecord(
            sortable_id(), "tickets", version, utc_now(), text, "bug", 0.9, 3, False, np.array([1, 2], np.float32)
        )
        for text in texts
    ]
    home.ledger.record_predictions(rows)
    return [row.id for row in rows]


def label(home: Home, label: str, *ids: str, source: str = "ann") -> None:
    home.ledger.record_feedback([FeedbackRecord(key, label, source) for key in ids])


def shown(home: Home, facts: PackageFacts = FACTS) -> list[tuple[str, str, str]]:
    return [(row.text, row.label, row.origin) for row in texts_of_people(home, "tickets", "1", facts)]


def test_labelled_predictions_come_first_and_the_latest_first(home: Home) -> None:
    label(home, "bug", *predicted(home, "a crash", "an error"))
    home.ledger.added.add("tickets", [Example("a receipt", "billing")], source="bob", fingerprint="f")
    assert shown(home) == [
        ("an error", "bug", "feedback"),
        ("a crash", "bug", "feedback"),
        ("a receipt", "billing", "given"),
    ]


def test_a_text_comes_once_with_the_label_that_counts_under_its_name_of_today(home: Home) -> None:
    first, second = predicted(home, "a  Bill", "a bill")
    label(home, "bug", first)
    label(home, "invoice", second)
    home.ledger.rules.add("tickets", LabelRule("rename", "invoice", "billing"))
    assert shown(home) == [("a bill", "billing", "feedback")]
    home.ledger.rules.add("tickets", LabelRule("retire", "billing"))
    assert shown(home) == [("a  Bill", "bug", "feedback")]


def test_predictions_of_the_version_come_with_their_embedding(home: Home) -> None:
    label(home, "bug", *predicted(home, "ours"), *predicted(home, "of another version", version="2"))
    rows = {row.text: row.embedding for row in texts_of_people(home, "tickets", "1", FACTS)}
    assert rows["of another version"] is None
    assert rows["ours"] is not None
    assert rows["ours"].tolist() == [1, 2]


def test_predictions_without_a_stored_text_and_rows_of_another_task_are_left_out(home: Home) -> None:
    label(home, "bug", *predicted(home, "", "a crash"))
    assert shown(home) == [("a crash", "bug", "feedback")]
    assert shown(home, replace(FACTS, is_paired=True)) == []


def test_only_the_last_labels_are_read(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelled_texts, "MOST_LABELS", 3)
    label(home, "bug", *predicted(home, *(f"text {number}" for number in range(6))))
    assert [text for text, _, _ in shown(home)] == ["text 5", "text 4", "text 3"]
    monkeypatch.setattr(labelled_texts, "MOST", 2)
    assert [text for text, _, _ in shown(home)] == ["text 5", "text 4"]


def with_training(home: Home, rows: list[Example]) -> PackageFacts:
    data = TrainingData(keep_dataset(rows, home.config.datasets), train_rows=len(rows))
    return replace(FACTS, lineage=Lineage(data=data))


def test_training_rows_are_taken_evenly_from_a_large_data_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelled_texts, "MOST", 10)
    facts = with_training(home, [Example(f"text {number:03}", "bug") for number in range(100)])
    rows = training_texts(training_file(home, facts), facts)
    assert [row.text for row in rows] == [f"text {number:03}" for number in range(0, 100, 10)]
    assert {(row.label, row.origin, row.embedding) for row in rows} == {("bug", "training", None)}


def test_far_more_rows_than_estimated_are_not_read(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelled_texts, "MOST", 10)
    path = home.folder / "rows.jsonl"
    rows = [{"text": "long " * 1_000, "label": "bug"}] * 200 + [{"text": "b", "label": "bug"}] * 5_000
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(training_texts(path, FACTS)) <= 20


def test_a_data_set_that_is_not_kept_here_has_no_rows(home: Home) -> None:
    for facts in (FACTS, replace(FACTS, lineage=Lineage(data=TrainingData("gone")))):
        assert training_texts(training_file(home, facts), facts) == []


def test_training_rows_have_their_names_of_today(home: Home) -> None:
    facts = with_training(home, [Example("a", "bug"), Example("b", "spam")])
    home.ledger.rules.add("tickets", LabelRule("rename", "bug", "fault"))
    home.ledger.rules.add("tickets", LabelRule("retire", "spam"))
    rows = with_names_of_today(home, "tickets", facts, training_texts(training_file(home, facts), facts))
    assert [(row.text, row.label) for row in rows] == [("a", "fault")]


def test_long_texts_are_cut(home: Home) -> None:
    label(home, "bug", *predicted(home, "crash " * 1_000))
    assert [len(text) for text, _, _ in shown(home)] == [labelled_texts.MOST_CHARS]
