from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from core.clock import utc_now
from core.freezes import Freeze
from core.home_processes.supervision import Supervision, supervising
from core.ledger_tables.alerts import Alerts, Condition
from core.ledger_tables.heartbeats import Heartbeats
from core.ledger_tables.incidents import Incidents
from core.loop.orders import freeze
from core.processes.owner import this_worker
from core.records import TRAFFIC, Verdict
from core.registry import Registry
from service.worker import Worker


def test_the_first_page_says_which_processes_run(client: TestClient, worker: Worker) -> None:
    page = client.get("/dashboard").text
    assert "gateway (1 worker) run; missing: monitor, worker" in page
    Heartbeats(worker.home.ledger.database).begin("monitor", this_worker())
    with supervising(worker.home.folder, Supervision.of_this_process("http://localhost:3000")):
        page = client.get("/dashboard").text
    assert "gateway (1 worker), monitor run; missing: worker" in page
    assert "<code>retune up</code>: process" in page


def test_a_model_shows_what_holds_and_what_waits(client: TestClient, worker: Worker) -> None:
    database = worker.home.ledger.database
    freeze(worker.home, "tickets", Freeze(utc_now(), None, "<b>Christmas</b>"))
    worker.home.ledger.proposals.propose(
        "tickets", "1", action="retrain", waiting=None, reason="It drifted.", decision_id=None
    )
    Incidents(database).add(
        "tickets", "1", previous=None, guard_id=None, cause="errors", action="told", reason="", done="Nothing changed."
    )
    Alerts(database).update("tickets", [Condition("drift", "1", {})], {"drift": []})
    page = client.get("/dashboard").text
    for words in (
        "the champion is frozen until a person ends it (&lt;b&gt;Christmas&lt;/b&gt;)",
        "<dt>Proposal</dt><dd>retrain,",
        'href="/dashboard/tickets/history?kind=incidents">errors of version 1: told,',
        "<dt>Alerts that hold</dt><dd>drift since ",
    ):
        assert words in page, words


def test_pages_tell_of_the_same_check_after_a_roll_back(
    client: TestClient, worker: Worker, registry: Registry, second_package: Path
) -> None:
    ledger = worker.home.ledger
    ledger.record_check("tickets", "1", Verdict("drift", 0.001, 60, sentence="It moved."), source=TRAFFIC)
    registry.promote("tickets", registry.add(second_package, "tickets"))
    ledger.record_check("tickets", "2", Verdict("ok", 0.5, 60, sentence="Nothing moved."), source=TRAFFIC)
    first, page = client.get("/dashboard").text, client.get("/dashboard/tickets").text
    assert ("no drift</span> checked" in first, "Nothing moved." in page) == (True, True)
    assert "put in service again" not in first + page
    registry.promote("tickets", "1")
    for role in ("monitor", "worker"):
        Heartbeats(ledger.database).begin(role, this_worker())
    first, page = client.get("/dashboard").text, client.get("/dashboard/tickets").text
    assert "drifted</span> checked" in first
    assert ", before the version was put in service again; no check since" in first
    assert "No check of version 1 was made since it is in service again." in first
    assert "It moved." in page
    assert "This check was made before version 1 was put in service again" in page
    assert '<strong>Drift</strong><span class="small">not checked yet</span>' in page
    ledger.record_check("tickets", "1", Verdict("insufficient_data", None, 2, sentence="2 of 50."), source=TRAFFIC)
    page = client.get("/dashboard/tickets").text
    assert "No conclusive check was made since." in page
    assert "Since then: 2 of 50." in page
