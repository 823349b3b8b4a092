from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from core.champion import read_champion
from core.clock import earliest_id
from core.datasets import Example
from core.engine import Engine
from core.errors import UnknownLabels
from core.features import Features
from core.home import Home
from core.records import TRAFFIC, CheckRecord, PredictionRecord, Repetition, Verdict
from monitoring.watch import check_file, check_window
from monitoring.window import features_of, unchecked_windows
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.rows import LABELS
from tests.words import word_examples


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


def with_drift(served: Served, **settings: object) -> Home:
    drift = served.config.drift.model_copy(update=settings)
    return Home(served.config.model_copy(update={"drift": drift}))


def test_what_came_without_a_monitor_is_checked_window_by_window(served: Served) -> None:
    home = with_drift(served, window_rows=60, catch_up=3)
    ids = served.receive(traffic(served, 250, seed=1))
    first, second, last = missed_and_latest(home, served)
    assert [record.verdict.rows for record in (first, second, last)] == [60, 60, 60]
    assert [record.window_end for record in (first, second, last)] == [ids[129], ids[189], ids[249]]
    assert [record.verdict.rows for record in missed_and_latest(home, served)] == [0]


def missed_and_latest(home: Home, served: Served) -> list[CheckRecord]:
    champion = read_champion(home.registry, MODEL)
    settings = home.config.drift
    ends = unchecked_windows(home.ledger, MODEL, "1", limit=settings.window_rows, most=settings.catch_up)
    return [check_window(home, champion, until=end).record for end in [*ends, None]]


def test_windows_that_are_caught_up_count_texts_and_not_predictions(served: Served) -> None:
    served.receive(traffic(served, 70, seed=1))
    served.receive(traffic(served, 40, seed=2), text="the same")
    home = with_drift(served, window_rows=60, catch_up=3)
    found = missed_and_latest(home, served)
    # The latest window has 59 texts beside the repeated one; 11 are left before it, too few to conclude anything.
    assert [record.verdict.rows for record in found] == [11, 60]
    assert home.ledger.traffic_checks(MODEL)[0].verdict.repetition == Repetition(99, 60, 40)


def aged(served: Served, rows: int, *, seed: int, days: float, now_s: float) -> None:
    """Predictions of some days ago."""
    features = traffic(served, rows, seed=seed)
    now_s -= days * 86_400
    times = [datetime.fromtimestamp(now_s + row / 100, UTC).isoformat(timespec="microseconds") for row in range(rows)]
    records = [
        PredictionRecord(
            f"{earliest_id(now_s + row / 100)}{row:016x}",
            MODEL,
            "1",
            times[row],
            f"{seed} {row}",
            LABELS[features.predicted[row]],
            float(features.confidence[row]),
            int(features.length[row]),
            False,
            features.embeddings[row],
        )
        for row in range(rows)
    ]
    served.ledger.record_predictions(records)


def test_a_window_is_compared_with_the_same_hours_of_last_week(served: Served) -> None:
    home = with_drift(served, compare_with="last week")
    odd = replace(traffic(served, 80, seed=1), length=np.full(80, 14))
    now_s = time.time()
    aged(served, 80, seed=1, days=10, now_s=now_s)
    aged(served, 80, seed=2, days=7.001, now_s=now_s)
    served.ledger.record_check(MODEL, "1", Verdict("ok"), source=TRAFFIC, window_end=last_id(served))
    aged(served, 80, seed=3, days=0.001, now_s=now_s)
    record = check_window(home, read_champion(home.registry, MODEL)).record
    assert record.verdict.outcome == "ok"
    assert record.verdict.reference_rows == 80
    assert "compared with 80 texts of the same hours of last week" in record.verdict.sentence
    assert record.verdict.estimated_accuracy is not None
    served.receive(odd)
    few = check_window(home, read_champion(home.registry, MODEL)).record
    assert (few.verdict.outcome, few.verdict.reference_rows) == ("drift", 150)
    assert "At these hours of last week 0 different texts came to this version, 50 are needed" in few.verdict.sentence


def last_id(served: Served) -> str:
    return served.ledger.window(MODEL, "1", limit=1)[0].id
