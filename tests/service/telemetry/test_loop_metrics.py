"""What monitors and workers wrote to the ledger is on the metrics page of the server."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.testclient import TestClient

from core.clock import utc_now
from core.home_processes.beating import beating
from core.ledger_tables.guards import Guards, Promise
from core.ledger_tables.heartbeats import Heartbeats
from core.ledger_tables.incidents import Incidents
from core.ledger_tables.standing import Accuracy
from core.records import TRAFFIC, Decision, Verdict
from core.registry import Champion
from core.share import Share, measured
from service.telemetry import loop_page
from service.telemetry.loop_metrics import GAUGES
from service.telemetry.loop_page import LoopPage
from service.worker import Worker
from tests.service.conftest import wait_until

VERDICT = Verdict("drift", 0.002, 60, 100, estimated_accuracy=Share(0.8, 0.7, 0.9), sentence="It moved.")
LINES = """
retune_champion_info{model="tickets",version="1"} 1.0
retune_drift_p_value{model="tickets"} 0.002
retune_drift_verdict{model="tickets",verdict="drift"} 1.0
retune_drift_verdict{model="tickets",verdict="ok"} 0.0
retune_drift_rows{model="tickets"} 60.0
retune_estimated_accuracy_low_ratio{model="tickets"} 0.7
retune_measured_accuracy_ratio{model="tickets"} 0.75
retune_measured_accuracy_rows{model="tickets"} 20.0
retune_expected_accuracy_ratio{model="tickets"} 0.95
retune_accuracy_lost{model="tickets"} 1.0
retune_check_duration_seconds{model="tickets"} 1.5
retune_decision{action="retrain",model="tickets"} 1.0
retune_decision{action="none",model="tickets"} 0.0
retune_jobs{model="tickets",status="queued"} 1.0
retune_jobs{model="tickets",status="failed"} 0.0
retune_labels_open{model="tickets"} 0.0
retune_processes{role="monitor"} 1.0
retune_processes{role="worker"} 0.0
retune_ledger_readable 1.0
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine must not decide a test."""
    monkeypatch.setattr(loop_page, "WAIT_S", 30.0)


@pytest.fixture
def watched(worker: Worker) -> Worker:
    """With a conclusive check, an inconclusive one after it, a decision, a job, and what labels say."""
    ledger = worker.home.ledger
    ledger.record_check("tickets", "1", VERDICT, source=TRAFFIC)
    ledger.record_check("tickets", "1", Verdict("insufficient_data"), source=TRAFFIC)
    ledger.record_decision("tickets", Decision("retrain"), check_id=1)
    ledger.standings.record("tickets", "1", Accuracy(measured(15, 20), 0.95, 0.01, is_lost=True))
    ledger.standings.record_time("tickets", "1", 1.5)
    worker.home.jobs.enqueue("tickets", "retrain")
    return worker


def test_the_page_shows_what_other_processes_wrote(watched: Worker, client: TestClient) -> None:
    with beating(watched.home, "monitor"):
        wait_until(lambda: bool(Heartbeats(watched.home.ledger.database).all()))
        page = client.get("/metrics").text
    assert [line for line in LINES.split("\n") if line and line not in page.splitlines()] == []
    # The last check is the inconclusive one; only its time is shown.
    last = watched.home.ledger.traffic_checks("tickets", limit=1)[0]
    assert last.verdict.outcome == "insufficient_data"
    assert 'retune_check_timestamp_seconds{model="tickets"}' in page


def test_numbers_of_an_earlier_version_are_not_shown_as_the_champions(watched: Worker, client: TestClient) -> None:
    watched.home.ledger.standings.record("tickets", "0", Accuracy(measured(1, 2), 0.5))
    page = client.get("/metrics").text
    assert "retune_measured_accuracy_ratio{" not in page


def test_guards_and_incidents_are_shown(worker: Worker, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_page, "KEPT_S", 0.0)
    database = worker.home.ledger.database
    assert 'retune_guard_open{model="tickets"} 0.0' in client.get("/metrics").text
    champion = Champion("1", [], utc_now())
    guard = Guards(database).begin("tickets", champion, previous=None, after_number=0, promise=Promise())
    page = client.get("/metrics").text
    assert 'retune_guard_open{model="tickets"} 1.0' in page
    assert 'retune_incidents{action="told",model="tickets"} 0.0' in page
    assert "retune_incident_timestamp_seconds{" not in page
    facts: dict[str, Any] = {"previous": None, "guard_id": guard.id, "reason": "Slow.", "done": "Nothing."}
    Incidents(database).add("tickets", "1", cause="latency", action="told", **facts)
    Guards(database).end(guard, "told", "Slow.")
    page = client.get("/metrics").text
    assert 'retune_guard_open{model="tickets"} 0.0' in page
    assert 'retune_incidents{action="told",model="tickets"} 1.0' in page
    assert 'retune_incident_timestamp_seconds{model="tickets"} ' in page


def test_a_process_that_ended_is_not_shown_as_running(watched: Worker, client: TestClient) -> None:
    with beating(watched.home, "worker"):
        pass
    page = client.get("/metrics").text
    assert 'retune_processes{role="worker"} 0.0' in page
    assert 'retune_process_last_seen_timestamp_seconds{role="worker"} ' in page


def test_every_gauge_can_be_shown_without_any_record(client: TestClient) -> None:
    page = client.get("/metrics").text
    assert [name for name in GAUGES if f"# TYPE retune_{name} gauge" not in page] == []


class Slow(Collector):
    """Answers once, then waits, then raises."""

    def __init__(self) -> None:
        self.calls, self.release = 0, threading.Event()

    def collect(self) -> Iterator[Metric]:
        self.calls += 1
        if self.calls > 1:
            self.release.wait(10)
            raise ConnectionError("away")
        found = Metric("retune_old", "A value.", "gauge")
        found.add_sample("retune_old", {}, 7)
        yield found


def test_a_ledger_that_hangs_or_is_away_stops_no_scrape_and_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    page = LoopPage(slow)
    assert b"retune_old 7.0" in page.page()
    assert b"retune_ledger_readable 1.0" in page.page()
    assert slow.calls == 1
    monkeypatch.setattr(loop_page, "KEPT_S", 0.0)
    monkeypatch.setattr(loop_page, "WAIT_S", 0.01)
    assert b"retune_ledger_readable 0.0" in page.page()
    assert b"retune_old 7.0" in page.page()
    assert slow.calls == 2
    slow.release.set()
    monkeypatch.setattr(loop_page, "WAIT_S", 10.0)
    assert b"retune_ledger_readable 0.0" in page.page()


def test_the_page_is_as_promtool_wants_it(watched: Worker, client: TestClient) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    client.post("/predict", json={"texts": ["my invoice was charged again"]})
    page = client.get("/metrics").content
    checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_docs_name_every_gauge() -> None:
    text = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")
    own = ["ledger_readable", "ledger_read_timestamp_seconds"]
    assert [name for name in [*GAUGES, *own] if f"`retune_{name}`" not in text] == []
