import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from core.clock import days_ago, sortable_id, utc_now
from core.config import Config, LabelsConfig
from core.database import MIGRATIONS, REVISIONS, Database
from core.errors import DriverMissing, InvalidDatabaseUrl, LedgerUnreadable
from core.jobs import JobQueue
from core.ledger import Ledger, open_ledger
from core.privacy.erasure import Erased, erase, older_than, with_ids
from core.records import (
    TRAFFIC,
    CannotTell,
    Decision,
    Evidence,
    FeedbackRecord,
    Outcome,
    PredictionRecord,
    RequestedLabels,
    Verdict,
    Wanted,
)
from core.schema import label_requests, metadata
from core.share import Share
from core.taxonomy import LabelRule


def prediction(text: str = "hello", *, version: str = "1") -> PredictionRecord:
    return PredictionRecord(
        sortable_id(), "m", version, utc_now(), text, "a", 0.5, 3, False, np.array([0.5, -1.0], dtype=np.float32)
    )


def test_the_migrations_create_the_schema(ledger: Ledger) -> None:
    with ledger.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_window_has_the_latest_rows_of_one_version_oldest_first(ledger: Ledger) -> None:
    rows = [prediction(str(number)) for number in range(5)]
    ledger.record_predictions([*rows, prediction("other", version="2")])
    window = ledger.window("m", "1", limit=3)
    assert [row.text for row in window] == ["2", "3", "4"]
    assert window[0].embedding.tolist() == [0.5, -1.0]
    assert [row.text for row in ledger.window("m", "1", limit=9, after=window[1].number)] == ["4"]


def test_repeated_feedback_is_one_row_and_unknown_ids_are_reported(ledger: Ledger) -> None:
    row = prediction()
    ledger.record_predictions([row])
    given = [FeedbackRecord(row.id, "b"), FeedbackRecord(row.id, "b"), FeedbackRecord("unknown", "b")]
    assert ledger.record_feedback(given) == [True, True, False]
    assert ledger.record_feedback(given[:1]) == [True]
    assert [item.label for item in ledger.labelled("m")] == ["b"]


def test_a_corrected_label_replaces_the_earlier_one(ledger: Ledger) -> None:
    row = prediction()
    ledger.record_predictions([row])
    ledger.record_feedback([FeedbackRecord(row.id, "b")])
    ledger.record_feedback([FeedbackRecord(row.id, "c")])
    assert [item.label for item in ledger.labelled("m")] == ["c"]


def test_a_recorded_check_is_read_unchanged(ledger: Ledger) -> None:
    evidence = [Evidence("labels", "total variation", 0.2, 0.01, True, "more b")]
    verdict = Verdict("drift", 0.01, 60, 100, evidence, Share(0.8, 0.7, 0.9), "It moved.")
    check_id = ledger.record_check("m", "1", verdict, source="traffic", window_end="f" * 32)
    assert ledger.checks("m")[0].verdict == verdict
    assert (found := ledger.check("m", check_id)) is not None
    assert found.window_end == "f" * 32
    decision = Decision("label", "because", 12)
    ledger.record_decision("m", decision, check_id=check_id)
    assert ledger.decisions("m")[0].decision == decision
    assert decision.sentence == "label 12"


def test_answered_requests_are_not_in_the_queue(ledger: Ledger) -> None:
    rows = [prediction("x"), prediction("y")]
    ledger.record_predictions(rows)
    ledger.request_labels("m", [Wanted(rows[1].id, "learn"), Wanted(rows[0].id, "measure", 0.25)], check_id=7)
    assert [item.text for item in ledger.label_requests("m")] == ["y", "x"]
    ledger.record_feedback([FeedbackRecord(rows[1].id, "b")])
    assert [(item.text, item.purpose, item.chance) for item in ledger.label_requests("m")] == [("x", "measure", 0.25)]
    assert ledger.label_progress("m", "1") == RequestedLabels(2, 1, check_id=7)
    first = ledger.window("m", "1", limit=2)[0].number
    assert ledger.label_progress("m", "1", after=first) == RequestedLabels(1, 1, check_id=7)
    assert ledger.label_progress("m", "2") == RequestedLabels()


def test_near_texts_of_a_group_are_asked_for_and_not_awaited(ledger: Ledger) -> None:
    rows = [prediction("typical"), prediction("near")]
    ledger.record_predictions(rows)
    ledger.request_labels("m", [Wanted(row.id, "learn", group=rows[0].id) for row in rows], check_id=None)
    assert [(item.group, item.is_near) for item in ledger.label_requests("m")] == [
        (rows[0].id, False),
        (rows[0].id, True),
    ]
    assert ledger.label_progress("m", "1") == RequestedLabels(1)
    ledger.record_feedback([FeedbackRecord(rows[0].id, "b")])
    assert ledger.label_progress("m", "1") == RequestedLabels(1, 1)
    assert [item.text for item in ledger.label_requests("m")] == ["near"]


def test_requests_without_a_label_expire(config: Config) -> None:
    """By their stored time."""
    settings = config.model_copy(update={"labels": LabelsConfig(expire_days=14)})
    ledger, for_ever = open_ledger(settings), Ledger(Database(settings.ledger_url))
    rows = [prediction(text) for text in ("answered", "untold", "old", "young")]
    ledger.record_predictions(rows)
    ledger.request_labels("m", [Wanted(row.id, "measure") for row in rows], check_id=None)
    for row, days in zip(rows, (15, 15, 15, 13), strict=True):
        with ledger.database.write() as connection:
            chosen = label_requests.update().where(label_requests.c.prediction_id == row.id)
            connection.execute(chosen.values(created_at=days_ago(days)))
    ledger.record_feedback([FeedbackRecord(rows[0].id, "b")])
    ledger.untold.record([CannotTell(rows[1].id)])
    assert [item.text for item in ledger.label_requests("m")] == ["young"]
    assert ledger.expired_requests("m") == {rows[2].id}
    found = ledger.label_progress("m", "1")
    assert (found, found.still_open) == (RequestedLabels(4, 1, 1, 1), 1)
    assert [item.text for item in for_ever.label_requests("m")] == ["old", "young"]
    assert for_ever.label_progress("m", "1") == RequestedLabels(4, 1, 1)
    for opened in (ledger, for_ever):
        opened.database.close()


def test_the_last_label_of_a_source_counts_even_if_it_repeats_an_earlier_one(ledger: Ledger) -> None:
    one, other = prediction("x"), prediction("y")
    ledger.record_predictions([one, other])
    for label in ("b", "c", "b"):
        ledger.record_feedback([FeedbackRecord(one.id, label)])
    ledger.record_feedback([FeedbackRecord(other.id, label) for label in ("c", "b", "c", "c")])
    assert [(item.text, item.label) for item in ledger.labelled("m")] == [("x", "b"), ("y", "c")]
    ledger.record_feedback([FeedbackRecord(one.id, "d")])
    assert [(item.text, item.label) for item in ledger.labelled("m")] == [("y", "c"), ("x", "d")]


def test_inconclusive_checks_replace_each_other(ledger: Ledger) -> None:
    def checked(verdict: Outcome, rows: int, *, source: str = TRAFFIC) -> int:
        found = Verdict(verdict, None, rows, 100, [], None, f"{rows} rows.")
        return ledger.record_check("m", "1", found, source=source, window_end=None)

    drifted = checked("drift", 60)
    checked("insufficient_data", 1, source="old.csv")
    for rows in range(1100):
        checked("insufficient_data", rows)
    assert [check.verdict.rows for check in ledger.checks("m")] == [1099, 1, 60]
    assert (last := ledger.last_conclusive_check("m", "1")) is not None
    assert last.id == drifted
    assert ledger.last_conclusive_check("m", "1", verdict="ok") is None
    assert ledger.last_conclusive_check("m", "2") is None
    fine = checked("ok", 70)
    checked("insufficient_data", 3)
    assert [check.id for check in ledger.traffic_checks("m")][1:3] == [fine, fine - 1]


def write_many(config: Config, rows: int) -> None:
    ledger = open_ledger(config)
    for _ in range(rows):
        ledger.record_predictions([prediction()])


def test_processes_that_start_with_an_empty_database_lose_no_rows(config: Config) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_many, args=(config, 25)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    ledger = open_ledger(config)
    assert ledger.count_predictions("m", "1") == 100
    ledger.database.close()


def test_a_ledger_of_a_newer_release_can_be_used(config: Config, ledger: Ledger) -> None:
    with ledger.database.write() as connection:
        connection.execute(text("ALTER TABLE predictions ADD COLUMN mood VARCHAR(8)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    older = open_ledger(config)
    older.record_predictions([prediction()])
    assert [row.text for row in older.window("m", "1", limit=9)] == ["hello"]
    older.database.close()


def test_every_revision_is_known() -> None:
    scripts = sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert tuple(scripts) == REVISIONS


def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(LedgerUnreadable, match="cannot be used"):
        open_ledger(Config(home=tmp_path))


def test_a_missing_driver_and_an_invalid_url_are_errors() -> None:
    with pytest.raises(DriverMissing, match=r"oracle\+oracledb://jo:\*\*\*@db/x cannot be used.*Install the driver"):
        Database("oracle+oracledb://jo:pw@db/x")
    with pytest.raises(InvalidDatabaseUrl) as refused:
        Database("jo:secret@db")
    assert "secret" not in str(refused.value)


def test_looking_creates_no_ledger_and_the_first_write_does(tmp_path: Path) -> None:
    config = Config(home=tmp_path / "home")
    ledger = open_ledger(config)
    queue = JobQueue(ledger)
    assert (ledger.checks("m"), ledger.label_requests("m"), ledger.last_checked("m", "1")) == ([], [], 0)
    assert (queue.take("me"), queue.latest("m"), ledger.count_predictions("m", "1")) == (None, [], 0)
    assert erase(ledger.database, older_than(ledger.database, 1)) == Erased()
    assert (ledger.database.vacuum(), ledger.database.truncate_log(), ledger.database.exists()) == (True, True, False)
    assert list(tmp_path.iterdir()) == []
    other = open_ledger(config)
    other.record_predictions([prediction()])
    assert ledger.count_predictions("m", "1") == 1
    assert ledger.database.exists()


def test_a_file_without_tables_is_a_ledger_at_the_first_write(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    ledger = open_ledger(Config(home=tmp_path))
    assert ledger.checks("m") == []
    ledger.record_predictions([prediction()])
    assert ledger.count_predictions("m", "1") == 1
    ledger.database.close()


def test_labels_are_read_again_after_every_change(ledger: Ledger) -> None:
    rows = [prediction(str(number)) for number in range(3)]
    ledger.record_predictions(rows)

    def labels() -> list[str]:
        return [row.label for row in ledger.labelled("m")]

    assert labels() == []
    ledger.record_feedback([FeedbackRecord(row.id, "b") for row in rows])
    assert labels() == ["b", "b", "b"]
    ledger.record_feedback([FeedbackRecord(rows[2].id, "c")])
    assert labels() == ["b", "b", "c"]
    ledger.record_feedback([FeedbackRecord(rows[2].id, "b")])
    assert labels() == ["b", "b", "b"]
    ledger.untold.record([CannotTell(rows[0].id)])
    assert labels() == ["b", "b"]
    ledger.rules.add("m", LabelRule("rename", "b", "d"))
    assert labels() == ["d", "d"]
    erase(ledger.database, with_ids([rows[1].id]))
    assert labels() == ["d"]
    assert ledger.labelled("n") == []
