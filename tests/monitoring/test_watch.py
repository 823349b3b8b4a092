from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.champion import read_champion
from core.datasets import Example
from core.engine import Engine
from core.errors import UnknownLabels
from core.features import Features
from core.home import Home
from core.records import CheckRecord
from monitoring.watch import check_file, check_window
from monitoring.window import features_of
from tests.monitoring.conftest import MODEL, Served, word_examples


def traffic(served: Served, rows: int, *, seed: int) -> Features:
    return Engine(served.registry.folder(MODEL, served.version)).features(word_examples(rows, seed=seed))


def checked(served: Served) -> CheckRecord:
    return check_window(served.home, read_champion(served.registry, MODEL)).record


def test_too_few_predictions_are_checked_again_with_more(served: Served) -> None:
    assert checked(served).verdict.outcome == "insufficient_data"
    served.receive(traffic(served, 30, seed=1))
    assert checked(served).verdict.outcome == "insufficient_data"
    served.receive(traffic(served, 30, seed=2))
    record = checked(served)
    assert (record.verdict.outcome, record.verdict.rows) == ("ok", 60)


def test_each_row_is_used_by_one_conclusive_check(served: Served) -> None:
    ids = served.receive(traffic(served, 60, seed=1))
    first = checked(served)
    second = checked(served)
    assert first.window_end == max(ids)
    assert (second.verdict.outcome, second.verdict.rows, second.window_end) == ("insufficient_data", 0, None)


def test_only_the_most_recent_rows_are_compared(served: Served) -> None:
    drift = served.config.drift.model_copy(update={"window_rows": 80})
    home = Home(served.config.model_copy(update={"drift": drift}))
    served.receive(traffic(served, 100, seed=1))
    record = check_window(home, read_champion(home.registry, MODEL)).record
    assert record.verdict.rows == 80


def test_drift_is_detected_without_stored_texts(served: Served) -> None:
    served.receive(replace(traffic(served, 80, seed=1), length=np.full(80, 14)), text="")
    assert checked(served).verdict.outcome == "drift"


def test_a_check_of_a_file_measures_accuracy_and_uses_no_traffic(served: Served) -> None:
    served.receive(traffic(served, 60, seed=1))
    examples = [*word_examples(99, seed=3), Example("crash today", "a new label")]
    found = check_file(served.home, read_champion(served.registry, MODEL), examples, source="new.csv")
    assert found.record.verdict.outcome == "ok"
    assert found.measured_accuracy is not None
    assert (found.measured_accuracy.value, found.measured_accuracy.rows) == (0.99, 100)
    assert found.record.source == "new.csv"
    assert checked(served).verdict.outcome == "ok"


def test_a_file_without_labels_has_no_measured_accuracy(served: Served) -> None:
    examples = [Example(example.text) for example in word_examples(60, seed=3)]
    found = check_file(served.home, read_champion(served.registry, MODEL), examples, source="new.csv")
    assert found.measured_accuracy is None
    assert found.record.verdict.rows == 60
    assert served.ledger.checks(MODEL) == [found.record]


def test_a_recorded_label_unknown_to_the_version_is_an_error(served: Served) -> None:
    served.receive(traffic(served, 2, seed=1))
    records = served.ledger.window(MODEL, served.version, limit=2)
    with pytest.raises(UnknownLabels, match="a label of yore"):
        features_of([replace(records[0], label="a label of yore")], ["bug"], dimensions=16)
