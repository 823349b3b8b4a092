"""`retune diff`: two versions of a model that are really different."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.clock import sortable_id, utc_now
from core.datasets import Example
from core.ledger import Ledger
from core.package import MANIFEST, read_facts, write_facts, write_manifest
from core.records import FeedbackRecord, PredictionRecord
from core.taxonomy import LabelRule
from tests.cli.conftest import Command
from tests.cli.test_errors import assert_error


def variant(package: Path, folder: Path, **facts: Any) -> Path:
    """A copy of a package with other facts."""
    shutil.copytree(package, folder)
    (folder / MANIFEST).unlink()
    write_facts(folder, replace(read_facts(package), **facts))
    write_manifest(folder)
    return folder


@pytest.fixture
def registered(retune: Command, tiny_package: Path, tmp_path: Path) -> None:
    """Version 2 gives the first two labels for each other, and has another label instead of the third."""
    first, second, third = read_facts(tiny_package).labels
    labels = [second, first, f"{third}s"]
    golden = [{**entry, "scores": dict.fromkeys(labels, 0.5)} for entry in read_facts(tiny_package).golden]
    for package in (tiny_package, variant(tiny_package, tmp_path / "two", labels=labels, golden=golden)):
        retune("register", package, "--model", "m")


def predict(ledger: Ledger, texts: list[str], version: str = "1") -> list[str]:
    vector = np.zeros(2, dtype=np.float32)
    rows = [
        PredictionRecord(sortable_id(), "m", version, utc_now(), text, "a", 0.5, 3, False, vector) for text in texts
    ]
    ledger.record_predictions(rows)
    return [row.id for row in rows]


def difference(retune: Command, *words: str | Path) -> dict[str, Any]:
    code, out, _ = retune("diff", "m@1", "m@2", *words, "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_recorded_texts_show_which_labels_flow_where(
    retune: Command, registered: None, ledger: Ledger, tiny_examples: list[Example]
) -> None:
    ids = predict(ledger, [row.text for row in tiny_examples[:30]])
    ledger.record_feedback([FeedbackRecord(ids[0], tiny_examples[0].label or "")])
    found = difference(retune)
    assert found["labels"]["came"] == ["how_tos"]
    assert found["labels"]["renamed"] == {"how_to": "how_tos"}
    (answers,) = found["answers"]  # the package's reference is not kept in this home
    assert (answers["source"], answers["rows"], answers["labelled"]) == ("recorded texts", 30, 1)
    flows = {(flow["before"], flow["after"]): flow for flow in answers["flows"]}
    assert flows.keys() == {("billing", "bug"), ("bug", "billing"), ("how_to", "how_tos")}
    assert sum(flow["rows"] for flow in flows.values()) == answers["differing"] == 30
    assert flows["billing", "bug"]["examples"][0] in {row.text for row in tiny_examples}
    lines = retune("diff", "m@1", "m@2")[1].splitlines()
    assert "labels added: how_tos" in lines
    assert "labels perhaps renamed: how_to → how_tos" in lines
    assert "On 30 rows (recorded texts) 30 answers differ (100.0 %)." in lines


def test_a_rule_that_renames_a_label_ends_its_disagreements(
    retune: Command, registered: None, ledger: Ledger, tiny_examples: list[Example]
) -> None:
    predict(ledger, [row.text for row in tiny_examples[:30]])
    ledger.rules.add("m", LabelRule("rename", "how_to", "how_tos"))
    found = difference(retune)
    assert (found["renamed"], found["labels"]["came"]) == ({"how_to": "how_tos"}, [])
    assert {flow["before"] for flow in found["answers"][0]["flows"]} == {"billing", "bug"}


def test_a_file_with_labels_measures_both(
    retune: Command, registered: None, tmp_path: Path, tiny_examples: list[Example]
) -> None:
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as target:
        csv.writer(target).writerows([["text", "label"], *((row.text, row.label) for row in tiny_examples)])
    (answers,) = difference(retune, "--data", file)["answers"]
    assert (answers["source"], answers["labelled"]) == (str(file), 120)
    assert answers["before"]["value"] > 0.9 > 0.1 > answers["after"]["value"]
    assert answers["losses"] > answers["wins"]
    assert answers["p_value"] < 1e-6
    file.write_text("text\nmy invoice\n")
    (answers,) = difference(retune, "--data", file)["answers"]
    assert (answers["rows"], answers["labelled"], answers["before"]) == (1, 0, None)


def test_the_reference_measures_where_its_rows_are_kept(
    retune: Command, registered: None, home: Path, tiny_checkpoint: Path, tiny_package: Path
) -> None:
    shutil.copytree(tiny_checkpoint.parent / "datasets", home / "datasets")
    (answers,) = difference(retune)["answers"]
    assert answers["source"] == "reference"
    assert answers["rows"] == answers["labelled"] == read_facts(tiny_package).lineage.reference.rows


def test_versions_that_answer_alike_differ_in_nothing(retune: Command, tiny_package: Path, tmp_path: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    retune("register", variant(tiny_package, tmp_path / "two", golden=[]), "--model", "m")
    (tmp_path / "rows.csv").write_text("text\nmy invoice\n")
    code, out, _ = retune("diff", "m@1", "m@2", "--data", tmp_path / "rows.csv")
    assert (code, "Nothing differs: labels, training, and the answers to 1 rows are the same." in out) == (0, True)
    assert "m@1 and m@1 are the same package." in retune("diff", "m@1", "m@1")[1]
    assert "There are no rows to answer: name some with --data FILE." in retune("diff", "m@1", "m@2")[1]


def test_settings_that_differ_are_shown_with_both_values(retune: Command, tiny_package: Path, tmp_path: Path) -> None:
    lineage = read_facts(tiny_package).lineage
    lineage = replace(lineage, seed=7, settings={**lineage.settings, "epochs": 3})
    retune("register", tiny_package, "--model", "m")
    retune("register", variant(tiny_package, tmp_path / "two", lineage=lineage, temperature=2.0), "--model", "m")
    training = difference(retune)["training"]
    assert training["facts"]["seed"] == [0, 7]
    assert training["facts"]["temperature"][1] == 2.0
    assert training["settings"] == {"epochs": [0, 3]}
    assert "setting epochs: 0 → 3" in retune("diff", "m@1", "m@2")[1]


def test_without_the_ledger_labels_and_training_are_compared(
    retune: Command, registered: None, ledger_away: None
) -> None:
    code, out, _ = retune("diff", "m@1", "m@2")
    assert (code, "The ledger is away" in out, "labels added: how_tos" in out) == (0, True, True)


def test_two_versions_of_one_model_are_needed(retune: Command, registered: None) -> None:
    assert_error(retune("diff", "m@1", "n@2"), "of two models")
    assert_error(retune("diff", "m@1", "m"), "'m' names no version", "NAME@VERSION")
    assert_error(retune("diff", "m@1", "m@3"), "no version '3'", "1, 2")
