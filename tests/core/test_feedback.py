from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.clock import sortable_id, utc_now
from core.errors import LabelRefused, LabelsOfAnotherModel
from core.feedback import GivenLabel, ModelLabels, StoredLabels, registered_labels, store_labels
from core.ledger import Ledger
from core.records import PredictionRecord
from core.registry import Registry
from core.resemblance import NameIndex, resembles
from tests.tasks import TaskFiles


def predictions_by(ledger: Ledger, *models: str) -> list[str]:
    """Record one prediction by each model; return their ids."""
    ids = [sortable_id() for _ in models]
    embedding = np.zeros(2, dtype=np.float32)
    ledger.record_predictions(
        [
            PredictionRecord(key, model, "1", utc_now(), "a text", "bug", 0.5, 3, False, embedding)
            for key, model in zip(ids, models, strict=True)
        ]
    )
    return ids


def labels_of(model: str) -> ModelLabels:
    return ModelLabels("multi-label" if model == "topics" else "single-label")


def test_each_label_is_stored_in_the_spelling_of_its_model(ledger: Ledger) -> None:
    one, several = predictions_by(ledger, "tickets", "topics")
    given = [GivenLabel(one, " b|a ", "file"), GivenLabel(several, " b | a ", "file"), GivenLabel("?", "a", "file")]
    assert store_labels(ledger, given, labels_of=labels_of) == StoredLabels(2, ["?"])
    assert [row.label for row in ledger.labelled("tickets")] == ["b|a"]
    assert [row.label for row in ledger.labelled("topics")] == ["a|b"]


def test_no_label_is_stored_if_one_is_invalid(ledger: Ledger) -> None:
    (key,) = predictions_by(ledger, "tickets")
    with pytest.raises(LabelRefused, match="Label 2: .*but 2 were given"):
        store_labels(ledger, [GivenLabel(key, "a", "u"), GivenLabel(key, ["a", "b"], "u")], labels_of=labels_of)
    assert ledger.labelled("tickets") == []


def test_no_label_is_stored_if_one_belongs_to_another_model(ledger: Ledger) -> None:
    ids = predictions_by(ledger, "tickets", "topics")
    with pytest.raises(LabelsOfAnotherModel, match="answered by 'topics', not by 'tickets'"):
        store_labels(ledger, [GivenLabel(key, "a", "u") for key in ids], labels_of=labels_of, model="tickets")
    assert ledger.labelled("tickets") == []


def test_without_a_champion_the_newest_version_determines_the_kind(multi_label: TaskFiles, tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"), cache=tmp_path / "cache")
    assert registered_labels(registry, "topics").kind == "single-label"
    registry.add(multi_label.package, "topics")
    assert registered_labels(registry, "topics").kind == "multi-label"


def test_thousands_of_new_names_are_judged_in_one_request(ledger: Ledger) -> None:
    ids = predictions_by(ledger, *["topics"] * 100)
    names = [f"{a}{b}{c}{d}" for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyzabcd" for d in ("1", "22")]
    given = [GivenLabel(key, names[number * 20 : number * 20 + 20], "u") for number, key in enumerate(ids)]
    stored = store_labels(ledger, given, labels_of=lambda _: ModelLabels("multi-label", frozenset({"bug"})))
    assert len(stored.doubtful) + stored.accepted == 100


def test_the_index_of_names_finds_what_comparing_all_pairs_finds() -> None:
    names = [
        "bug",
        "bugs",
        "Bug ",
        "billing",
        "biling",
        "bliling",
        "class_1",
        "class_2",
        "a|b",
        "data-privacy",
        "DATA_PRIVACY",
    ]
    pairs = {(one, two) for one in names for two in names if one < two and resembles(one, two)}
    assert set(NameIndex(names).pairs()) == pairs
    assert pairs
