"""Files of label requests with texts that are asked for together."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from core.ledger import Ledger
from core.records import Wanted
from tests.cli.conftest import Command
from tests.cli.test_labels import filled, model, stored
from tests.cli.test_loop import predicted

__all__ = ["model"]
pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture
def keys(ledger: Ledger, model: str) -> list[str]:
    """A group of three texts, and a text alone."""
    keys = [predicted(ledger, "m", number) for number in range(4)]
    wanted = [*(Wanted(key, "learn", group=keys[0]) for key in keys[:3]), Wanted(keys[3], "measure", 0.5)]
    ledger.request_labels("m", wanted, check_id=None)
    return keys


def exported(retune: Command, folder: Path) -> list[dict[str, str]]:
    out = folder / "requests.csv"
    assert retune("labels", "export", "m", "--out", out)[0] == 0
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_texts_of_a_group_follow_each_other_and_the_cost_is_said(
    retune: Command, keys: list[str], tmp_path: Path
) -> None:
    rows = exported(retune, tmp_path)
    assert [(row["prediction_id"], row["group"]) for row in rows] == [
        *((key, keys[0]) for key in keys[:3]),
        (keys[3], ""),
    ]
    assert "2 answers for 4 texts" in retune("labels", "export", "m", "--out", tmp_path / "a.csv")[2]
    listed = json.loads(retune("labels", "export", "m", "--json")[1])
    assert (listed["answers"], listed["texts"]) == (2, 4)
    assert [item["group"] for item in listed["requests"]] == [keys[0]] * 3 + [None]


def test_one_answer_labels_the_texts_that_a_person_marked(
    retune: Command, ledger: Ledger, keys: list[str], tmp_path: Path
) -> None:
    """In whatever order the rows come back; a text that is not marked stays open."""
    rows = exported(retune, tmp_path)
    for row, label in zip(rows, ("refund", "", "=", "bug"), strict=True):
        row["label"] = label
    code, out, _ = retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows[::-1]), "--source", "ann")
    assert (code, stored(ledger)) == (0, {0: "refund", 2: "refund", 3: "bug"})
    assert {row.source for row in ledger.labelled("m")} == {"ann"}
    assert "2 answers for 3 texts" in out
    assert [item.prediction_id for item in ledger.label_requests("m")] == [keys[1]]
    result = json.loads(retune("labels", "import", "m", tmp_path / "a.jsonl", "--json")[1])
    assert (result["accepted"], result["answers"], result["texts"]) == (3, 2, 3)


def test_a_text_of_a_group_may_have_another_label(
    retune: Command, ledger: Ledger, keys: list[str], tmp_path: Path
) -> None:
    rows = exported(retune, tmp_path)
    for row, label in zip(rows, ("bug", "billing", "=", ""), strict=True):
        row["label"] = label
    assert retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows))[0] == 0
    assert stored(ledger) == {0: "bug", 1: "billing", 2: "bug"}


def test_what_nobody_can_tell_of_a_typical_text_holds_for_those_marked(
    retune: Command, ledger: Ledger, keys: list[str], tmp_path: Path
) -> None:
    rows = exported(retune, tmp_path)
    for row, label in zip(rows, ("?", "=", "", ""), strict=True):
        row["label"] = label
    result = json.loads(retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows), "--json")[1])
    assert (result["cannot_tell"], result["answers"], result["texts"]) == (2, 1, 2)
    assert len(ledger.label_requests("m")) == 2


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (
            ("", "=", "", ""),
            "Row 2 (line 2): its label is '=', but the first text of its group has no label that can be",
        ),
        (
            ("=", "", "", ""),
            "Row 1 (line 1): its label is '=', but it is the first text of its group: write its label.",
        ),
        (("", "", "", "="), "Row 4 (line 4): its label is '=', but it is in no group: write its label."),
        (("Bug", "=", "", ""), "Row 2 (line 2): label 'Bug' resembles 'bug'."),
    ],
)
def test_a_mark_that_names_no_label_is_refused(
    retune: Command, ledger: Ledger, keys: list[str], tmp_path: Path, labels: tuple[str, ...], problem: str
) -> None:
    rows = exported(retune, tmp_path)
    for row, label in zip(rows, labels, strict=True):
        row["label"] = label
    code, out, _ = retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows))
    assert (code, stored(ledger)) == (3, {})
    assert problem in out


def test_a_mark_beside_contradicting_answers_is_refused(
    retune: Command, ledger: Ledger, keys: list[str], tmp_path: Path
) -> None:
    first, second = exported(retune, tmp_path)[:2]
    rows = [{**first, "label": "bug"}, {**first, "label": "billing"}, {**second, "label": "="}]
    code, out, _ = retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows))
    assert (code, stored(ledger)) == (3, {0: "billing"})
    assert "Row 3 (line 3): its label is '=', but the first text of its group has several labels in this file" in out


def test_a_label_that_is_an_equals_sign_is_one(
    retune: Command, ledger: Ledger, keys: list[str], tmp_path: Path
) -> None:
    rows = exported(retune, tmp_path)
    for row, label in zip(rows, ("bug", "=", "", ""), strict=True):
        row["label"] = label
    retune("labels", "import", "m", filled(tmp_path / "a.jsonl", rows), "--new-labels", "=")
    assert stored(ledger) == {0: "bug", 1: "="}
