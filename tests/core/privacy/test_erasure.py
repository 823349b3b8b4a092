from __future__ import annotations

import random
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.clock import earliest_id, sortable_id, utc_now
from core.config import Config
from core.ledger import Ledger, open_ledger
from core.privacy.erasure import BATCH_ROWS, DAY_S, Erased, erase, older_than, requested_with, with_ids
from core.records import CannotTell, FeedbackRecord, PredictionRecord, RequestedLabels, Wanted
from tests.core.conftest import SQLITE


def prediction(text: str = "hello", *, key: str | None = None, days_ago: float = 0) -> PredictionRecord:
    made = earliest_id(time.time() - days_ago * DAY_S) + sortable_id()[16:]
    return PredictionRecord(made, "m", "1", utc_now(), text, "a", 0.5, 3, False, np.zeros(2, dtype=np.float32), key=key)


def test_feedback_and_label_requests_are_erased_with_their_prediction(ledger: Ledger) -> None:
    rows = [prediction("erased"), prediction("stays")]
    ledger.record_predictions(rows)
    ledger.record_feedback([FeedbackRecord(row.id, label) for row in rows for label in ("b", "c")])
    ledger.request_labels("m", [Wanted(row.id, "learn") for row in rows], check_id=1)
    assert erase(ledger.database, with_ids([rows[0].id])) == Erased(1, 2, 1)
    assert [row.text for row in ledger.window("m", "1", limit=9)] == ["stays"]
    assert [row.text for row in ledger.labelled("m")] == ["stays"]
    assert ledger.label_progress("m", "1") == RequestedLabels(1, 1, check_id=1)


def test_what_cannot_be_told_is_erased_with_its_prediction(ledger: Ledger) -> None:
    row = prediction("erased")
    ledger.record_predictions([row])
    ledger.untold.record([CannotTell(row.id)])
    assert erase(ledger.database, with_ids([row.id])) == Erased(1, 1, 0)
    ledger.record_predictions([row])
    assert ledger.untold.keys("m") == set()


def test_only_the_predictions_of_a_key_are_erased(ledger: Ledger) -> None:
    ledger.record_predictions([prediction("a", key="shop"), prediction("b", key="app"), prediction("c")])
    assert erase(ledger.database, requested_with("shop")) == Erased(1, 0, 0)
    assert [(row.text, row.key) for row in ledger.window("m", "1", limit=9)] == [("b", "app"), ("c", None)]


def test_the_age_of_a_prediction_is_that_of_its_id(ledger: Ledger) -> None:
    ledger.record_predictions([prediction("old", days_ago=31), prediction("young", days_ago=29)])
    assert erase(ledger.database, older_than(ledger.database, 30)).predictions == 1
    assert [row.text for row in ledger.window("m", "1", limit=9)] == ["young"]


def test_others_can_write_between_the_batches(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.record_predictions([prediction(key="shop") for _ in range(2 * BATCH_ROWS)])
    left: list[int] = []

    def write_meanwhile(_pause_s: float) -> None:
        left.append(ledger.count_predictions("m", "1"))
        ledger.record_predictions([prediction()])

    monkeypatch.setattr("core.privacy.erasure.time.sleep", write_meanwhile)
    assert erase(ledger.database, requested_with("shop")).predictions == 2 * BATCH_ROWS
    assert left == [BATCH_ROWS, 1]


@SQLITE
def test_an_erased_text_is_not_in_the_files(ledger: Ledger, tmp_path: Path) -> None:
    row = prediction("a very private sentence")
    ledger.record_predictions([row, *(prediction() for _ in range(50))])
    assert ledger.database.truncate_log()
    assert b"very private" in (tmp_path / "ledger.db").read_bytes()
    erase(ledger.database, with_ids([row.id]))
    assert ledger.database.truncate_log()
    assert not any(b"very private" in path.read_bytes() for path in tmp_path.glob("ledger.db*"))


@SQLITE
def test_erased_labels_are_not_in_split_pages(ledger: Ledger, tmp_path: Path) -> None:
    source = random.Random(1)  # with this seed SQLite leaves a copy in a split page
    rows = [
        replace(prediction(key=key), id=f"{source.getrandbits(128):032x}")
        for _ in range(1000)
        for key in ("alice", "bob")
    ]
    ledger.record_predictions(rows)
    source.shuffle(rows)
    given = [FeedbackRecord(row.id, "ALICESECRET" if row.key == "alice" else "bug") for row in rows]
    for start in range(0, len(given), 500):
        ledger.record_feedback(given[start : start + 500])
    erase(ledger.database, requested_with("alice"))
    assert ledger.database.vacuum()
    assert ledger.database.truncate_log()
    assert not any(b"ALICESECRET" in path.read_bytes() for path in tmp_path.glob("ledger.db*"))


@SQLITE
def test_vacuum_returns_false_while_another_connection_writes(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record_predictions([prediction()])
    writer = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert not ledger.database.vacuum(timeout_s=0.1)
    writer.close()
    assert ledger.database.vacuum()


def test_truncate_log_returns_false_while_another_connection_reads(tmp_path: Path) -> None:
    ledger = open_ledger(Config(home=tmp_path))
    ledger.record_predictions([prediction()])
    reader = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM predictions").fetchone()
    ledger.record_predictions([prediction()])
    assert not ledger.database.truncate_log(timeout_s=0.1)
    reader.close()
    assert ledger.database.truncate_log()
    ledger.database.close()
