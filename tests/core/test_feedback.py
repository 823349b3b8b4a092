from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.clock import sortable_id, utc_now
from core.errors import LabelRefused, LabelsOfAnotherModel
from core.feedback import GivenLabel, StoredLabels, registered_kind, store_labels
from core.labels import Kind
from core.ledger import Ledger
from core.records import PredictionRecord
from core.registry import Registry
from tests.tasks import TaskFiles


def answered(ledger: Ledger, *models: str) -> list[str]:
    """Ids of one prediction by each of the models."""
    ids = [sortable_id() for _ in models]
    embedding = np.zeros(2, dtype=np.float32)
    ledger.record_predictions(
        [
            PredictionRecord(key, model, "1", utc_now(), "a text", "bug", 0.5, 3, False, embedding)
            for key, model in zip(ids, models, strict=True)
        ]
    )
    return ids


def kind_of(model: str) -> Kind:
    return "multi-label" if model == "topics" else "single-label"


def test_each_label_is_written_as_its_own_model_has_it(ledger: Ledger) -> None:
    one, several = answered(ledger, "tickets", "topics")
    given = [GivenLabel(one, " b|a ", "file"), GivenLabel(several, " b | a ", "file"), GivenLabel("?", "a", "file")]
    assert store_labels(ledger, given, kind_of=kind_of) == StoredLabels(2, ["?"])
    assert [row.label for row in ledger.labelled("tickets")] == ["b|a"]
    assert [row.label for row in ledger.labelled("topics")] == ["a|b"]


def test_one_label_that_the_model_cannot_have_stores_none(ledger: Ledger) -> None:
    (key,) = answered(ledger, "tickets")
    with pytest.raises(LabelRefused, match="Label 2: .*but 2 were given"):
        store_labels(ledger, [GivenLabel(key, "a", "u"), GivenLabel(key, ["a", "b"], "u")], kind_of=kind_of)
    assert ledger.labelled("tickets") == []


def test_a_file_for_one_model_stores_no_label_of_another(ledger: Ledger) -> None:
    ids = answered(ledger, "tickets", "topics")
    with pytest.raises(LabelsOfAnotherModel, match="answered by 'topics', not by 'tickets'"):
        store_labels(ledger, [GivenLabel(key, "a", "u") for key in ids], kind_of=kind_of, model="tickets")
    assert ledger.labelled("tickets") == []


def test_a_model_without_champion_is_of_the_kind_of_its_newest_version(multi_label: TaskFiles, tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"), cache=tmp_path / "cache")
    assert registered_kind(registry, "topics") == "single-label"
    registry.add(multi_label.package, "topics")
    assert registered_kind(registry, "topics") == "multi-label"
