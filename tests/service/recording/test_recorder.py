from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.clock import sortable_id, utc_now
from core.config import Config, Keep, LedgerConfig
from core.home import Home
from core.ledger import open_ledger
from core.records import PredictionRecord
from service.recording.recorder import Recorder, RecorderCounts
from tests.service.conftest import flush


def records(count: int) -> Sequence[PredictionRecord]:
    return [
        PredictionRecord(
            sortable_id(), "tickets", "1", utc_now(), "text", "bug", 0.9, 3, False, np.zeros(4, dtype=np.float32)
        )
        for _ in range(count)
    ]


@pytest.fixture
def counts() -> list[RecorderCounts]:
    return []


def recorder(config: Config, counts: list[RecorderCounts], *, queue_size: int = 2000, flush_s: float = 60) -> Recorder:
    ledger = LedgerConfig(queue_size=queue_size, flush_s=flush_s)
    return Recorder(Home(config.model_copy(update={"ledger": ledger}), busy_s=0.1), on_count=counts.append)


def test_flush_writes_all_queued_records(config: Config, counts: list[RecorderCounts]) -> None:
    writer = recorder(config, counts)
    writer.start()
    writer.offer(records(1200))
    assert flush(writer, timeout_s=10)
    assert open_ledger(config).count_predictions("tickets", "1") == 1200
    writer.close()
    assert sum(count.written for count in counts) == 1200
    assert counts[-1].waiting == 0


def test_close_writes_queued_records(config: Config, counts: list[RecorderCounts]) -> None:
    writer = recorder(config, counts)
    writer.start()
    writer.offer(records(3))
    writer.close()
    assert open_ledger(config).count_predictions("tickets", "1") == 3


def test_records_beyond_the_queue_size_are_dropped_and_counted(config: Config, counts: list[RecorderCounts]) -> None:
    writer = recorder(config, counts, queue_size=10)
    writer.offer(records(8))
    writer.offer(records(8))
    assert (counts[-1].waiting, sum(count.dropped for count in counts)) == (10, 6)


def test_no_record_is_lost_if_the_ledger_becomes_available_again(config: Config, counts: list[RecorderCounts]) -> None:
    config.home.mkdir()
    database = config.home / "ledger.db"
    database.mkdir()
    writer = recorder(config, counts, flush_s=0.02)
    writer.start()
    writer.offer(records(3))
    assert not flush(writer, timeout_s=0.1)
    database.rmdir()
    assert flush(writer, timeout_s=10)
    writer.close()
    assert open_ledger(config).count_predictions("tickets", "1") == 3


def test_records_are_dropped_and_counted_if_the_ledger_stays_unavailable(
    config: Config, counts: list[RecorderCounts]
) -> None:
    Path(config.home / "ledger.db").mkdir(parents=True)
    writer = recorder(config, counts, flush_s=0.01)
    writer.start()
    writer.offer(records(3))
    assert flush(writer, timeout_s=10)
    assert writer.is_alive
    writer.close()
    assert sum(count.dropped for count in counts) == 3


def test_a_failed_redaction_drops_only_its_own_record(
    config: Config, counts: list[RecorderCounts], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = records(3)

    def fails_once(record: PredictionRecord, keep: Keep) -> PredictionRecord:
        if record is rows[1]:
            raise ValueError("a text of a user")
        return record

    monkeypatch.setattr("service.recording.recorder.kept", fails_once)
    writer = recorder(config, counts)
    writer.start()
    writer.offer(rows)
    writer.close()
    assert open_ledger(config).count_predictions("tickets", "1") == 2
    assert (sum(count.written for count in counts), sum(count.dropped for count in counts)) == (2, 1)


def test_close_tries_a_locked_ledger_once(config: Config, counts: list[RecorderCounts]) -> None:
    with open_ledger(config).database.write():
        pass  # creates it
    lock = sqlite3.connect(config.home / "ledger.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    writer = recorder(config, counts)
    writer.start()
    writer.offer(records(1800))
    writer.close()
    lock.close()
    assert not writer.is_alive
    assert [count.dropped for count in counts if count.dropped] == [1800]


def test_an_outage_is_one_line_at_its_begin_and_one_at_its_end(
    config: Config, counts: list[RecorderCounts], caplog: pytest.LogCaptureFixture
) -> None:
    database = config.home / "ledger.db"
    database.mkdir(parents=True)
    writer = recorder(config, counts, flush_s=0.01)
    writer.start()
    for _ in range(2):
        writer.offer(records(3))
        assert flush(writer, timeout_s=10)
    assert writer.problem == "unavailable"
    assert counts[-1].failing
    database.rmdir()
    writer.offer(records(1))
    assert flush(writer, timeout_s=10)
    assert writer.problem is None
    assert not counts[-1].failing
    writer.close()
    first, *rest = [record.getMessage() for record in caplog.records]
    assert first.startswith("Predictions are answered, but cannot be recorded: ")
    assert rest == ["3 predictions are dropped after 8 tries", "Predictions are recorded again; 6 were dropped"]
