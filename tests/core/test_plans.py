"""What a round, an export and a page ask of the ledger finds its rows by indexes: the cost does not grow with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.audit.entries import Audit
from core.clock import sortable_id, utc_now
from core.jobs import JobQueue
from core.labelling.batches import label_batches
from core.ledger import Ledger
from core.ledger_tables.alerts import Alerts
from core.ledger_tables.guards import Guards
from core.ledger_tables.incidents import Incidents
from core.ledger_tables.traffic import Traffic
from core.overview.ledger_facts import traffic_of
from core.records import TRAFFIC, CannotTell, FeedbackRecord, PredictionRecord, Verdict, Wanted
from tests.core.conftest import SQLITE
from tests.core.plans import plans_of

pytestmark = SQLITE

QUERIES: dict[str, Callable[[Ledger], Any]] = {
    "window": lambda ledger: ledger.window("m", "1", limit=5, after=3),
    "last_checked": lambda ledger: ledger.last_checked("m", "1"),
    "last_conclusive_check": lambda ledger: ledger.last_conclusive_check("m", "1"),
    "record_check": lambda ledger: ledger.record_check("m", "1", Verdict("ok"), source=TRAFFIC, follows=1),
    "traffic_checks": lambda ledger: ledger.traffic_checks("m"),
    "file_checks": lambda ledger: ledger.file_checks("m"),
    "older checks": lambda ledger: [read("m", before=9) for read in (ledger.traffic_checks, ledger.file_checks)],
    "checks_by_id": lambda ledger: ledger.checks_by_id([1, 2]),
    "decision_after": lambda ledger: ledger.decision_after(ledger.checks("m")[0]),
    "last_decision_after": lambda ledger: ledger.last_decision_after(ledger.checks("m")[0]),
    "label_batches": lambda ledger: label_batches(ledger.database, "m", limit=5, before=9),
    "audit": lambda ledger: Audit(ledger.database).latest("m", who="loop", actions=["retrain"], before=9),
    "decisions": lambda ledger: ledger.decisions("m", limit=1),
    "promotions": lambda ledger: ledger.promotions("m"),
    "promoted_after": lambda ledger: ledger.promoted_after("m", "1"),
    "labelled": lambda ledger: ledger.labelled("m"),
    "given_labels": lambda ledger: ledger.given_labels("m"),
    "sources_set_aside": lambda ledger: ledger.sources_set_aside("m"),
    "untold": lambda ledger: ledger.untold.keys("m"),
    "label_requests": lambda ledger: ledger.label_requests("m"),
    "label_progress": lambda ledger: ledger.label_progress("m", "1", after=3),
    "expired_requests": lambda ledger: ledger.expired_requests("m"),
    "draws": lambda ledger: ledger.draws.rows("m", "1"),
    "draw": lambda ledger: ledger.draws.record("m", "1", [], until_number=1, until=""),
    "models_of": lambda ledger: ledger.models_of(["x"]),
    "standing": lambda ledger: ledger.standings.of("m"),
    "arrivals.last": lambda ledger: ledger.arrivals.last("m", "1"),
    "arrivals.last_time": lambda ledger: ledger.arrivals.last_time("m", ["1", "2"]),
    "arrivals.count": lambda ledger: ledger.arrivals.count("m", ["1", "2"], first=3, most=9),
    "overview": lambda ledger: traffic_of(ledger, "m", ["1", "2"]),
    "arrivals.at": lambda ledger: ledger.arrivals.at(1.7e9),
    "arrivals.has_more": lambda ledger: ledger.arrivals.has_more("m", "1", after=3, count=9),
    "arrivals.window_ends": lambda ledger: ledger.arrivals.window_ends("m", "1", limit=5, after=3, most=3),
    "rows_after": lambda ledger: ledger.rows_after("m", "1", after=3, limit=5),
    "promotions_of": lambda ledger: ledger.promotions_of("m", "1"),
    "guard": lambda ledger: Guards(ledger.database).open("m"),
    "incidents": lambda ledger: Incidents(ledger.database).latest("m"),
    "traffic": lambda ledger: Traffic(ledger.database).load("m", "1"),
    "jobs": lambda ledger: JobQueue(ledger).latest("m"),
    "alerts": lambda ledger: Alerts(ledger.database).open("m"),
    "deliveries": lambda ledger: Alerts(ledger.database).take_due(),
}


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    vector = np.zeros(2, dtype=np.float32)
    rows = [
        PredictionRecord(sortable_id(), "m", "1", utc_now(), f"text {row}", "a", 0.5, 3, False, vector)
        for row in range(40)
    ]
    ledger.record_predictions(rows)
    ledger.record_feedback([FeedbackRecord(row.id, "b") for row in rows[:5]])
    ledger.untold.record([CannotTell(rows[6].id)])
    ledger.request_labels("m", [Wanted(row.id, "measure") for row in rows[10:20]], check_id=None)
    ledger.record_check("m", "1", Verdict("ok"), source=TRAFFIC, window_end=rows[2].id)
    return ledger


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_no_table_of_traffic_as_a_whole(name: str, filled: Ledger) -> None:
    with plans_of(filled.database) as steps:
        QUERIES[name](filled)
    assert steps
    assert [step for _, step in steps if step.startswith(("SCAN predictions", "SCAN checks", "SCAN decisions"))] == []
    # The model alone selects all its predictions; only a version, a number or an id narrows them down.
    assert [step for _, step in steps if "predictions" in step and step.endswith("(model=?)")] == []


def test_labels_are_read_in_their_order_without_sorting(filled: Ledger) -> None:
    with plans_of(filled.database) as steps:
        filled.labelled("m")
    assert [step for _, step in steps if "TEMP B-TREE" in step] == []


def test_checks_are_found_by_the_narrowest_index(filled: Ledger) -> None:
    with plans_of(filled.database) as steps:
        filled.file_checks("m")
        filled.last_checked("m", "1")
    found = [step for _, step in steps if "SEARCH checks" in step]
    assert [step.split("INDEX ")[1].split()[0] for step in found] == ["ix_checks_files", "ix_checks_version"]


def test_a_plan_that_reads_all_is_recognized(filled: Ledger) -> None:
    with plans_of(filled.database) as steps, filled.database.read() as connection:
        connection.exec_driver_sql("SELECT count(text) FROM predictions").all()
    assert [step for _, step in steps] == ["SCAN predictions"]


def test_a_count_ends_where_it_may(filled: Ledger) -> None:
    assert filled.count_predictions("m", "1") == 40
    assert filled.count_predictions("m", "1", most=11) == 11


def test_no_prediction_is_read_again_while_no_label_came(filled: Ledger) -> None:
    before = filled.labelled("m")
    with plans_of(filled.database) as steps:
        assert filled.labelled("m") == before
        assert filled.sources_set_aside("m") == {}
    assert [step for _, step in steps if "predictions" in step] == []
