from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from core.audit.entries import LOOP, record
from core.ledger_tables.incidents import Incidents
from core.records import TRAFFIC, Decision, Differing, Disagreements, GateRecord, GateVerdict, Verdict
from service.worker import Worker
from tests.service.http.test_openapi import problem_with

LISTS = ("checks", "decisions", "promotions", "incidents")


@pytest.fixture
def filled(worker: Worker) -> Worker:
    """Three checks, decisions and promotions of `tickets`."""
    ledger = worker.home.ledger
    differing = [Differing("p1", "billing", "bug"), Differing("p2", "bug", "billing")]
    gate = GateRecord(1, GateVerdict("promote", "Better.", disagreements=Disagreements(9, differing)))
    for rows in (60, 70, 80):
        check = ledger.record_check("tickets", "1", Verdict("drift", rows=rows), source=TRAFFIC)
        ledger.record_decision("tickets", Decision("label", "Drift.", 120), check_id=check)
        Incidents(ledger.database).add(
            "tickets",
            "1",
            previous=None,
            guard_id=check,
            cause="accuracy",
            action="told",
            reason="Worse.",
            done="Nothing.",
        )
        ledger.record_promotion("tickets", "1", previous=None, promoted=True, reason="Better.", gate=gate)
    return worker


def test_lists_come_in_pages(client: TestClient, filled: Worker) -> None:
    for name in LISTS:
        first = client.get(f"/admin/models/tickets/{name}", params={"limit": 2}).json()
        assert ([row["id"] for row in first[name]], first["next"]) == ([3, 2], 2)
        last = client.get(f"/admin/models/tickets/{name}", params={"limit": 2, "before": first["next"]}).json()
        assert ([row["id"] for row in last[name]], last["next"]) == ([1], None)


def test_lists_are_as_documented(client: TestClient, filled: Worker) -> None:
    record(filled.home, LOOP, "promote", "tickets", {"version": "1"})
    spec = client.get("/openapi.json").json()
    for path in (*(f"/admin/models/{{name}}/{name}" for name in LISTS), "/admin/audit"):
        answer = client.get(path.replace("{name}", "tickets"))
        schema = spec["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer.status_code == 200
        assert problem_with(answer.json(), schema, spec["components"]["schemas"]) is None


def test_a_check_has_its_verdict_and_a_promotion_the_gates(client: TestClient, filled: Worker) -> None:
    check = client.get("/admin/models/tickets/checks").json()["checks"][0]
    assert (check["verdict"]["verdict"], check["verdict"]["rows"]) == ("drift", 80)
    gate = client.get("/admin/models/tickets/promotions").json()["promotions"][0]["gate"]["gate"]
    assert (gate["verdict"], gate["disagreements"]["differing"]) == ("promote", 2)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=", "before=0", "before=%C2%B2", "limt=5", "before=1e3"],
)
def test_wrong_parameters_are_refused(client: TestClient, query: str) -> None:
    for path in ("/admin/models/tickets/checks", "/admin/audit"):
        answer = client.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")


def test_an_unknown_model_has_no_lists(client: TestClient) -> None:
    for name in (*LISTS, "labels"):
        assert client.get(f"/admin/models/nope/{name}").status_code == 404


def test_the_audit_is_listed_by_model_and_time(client: TestClient, worker: Worker) -> None:
    for model in ("tickets", "gone", None):
        record(worker.home, LOOP, "forget", model)
    models = [entry["model"] for entry in client.get("/admin/audit").json()["entries"]]
    assert models == [None, "gone", "tickets"]
    assert len(client.get("/admin/audit?model=gone").json()["entries"]) == 1
    for since in ("2999-01-01", "2999-01-01T00:00:00Z"):
        assert client.get("/admin/audit", params={"since": since}).json() == {"entries": [], "next": None}
    assert client.get("/admin/audit?model=").status_code == 400
    for since in ("yesterday", "", "0001-01-01T00:00:00+23:59"):
        assert client.get("/admin/audit", params={"since": since}).status_code == 400


def test_the_status_is_told_with_and_without_a_ledger(client: TestClient, worker: Worker) -> None:
    assert client.get("/admin/models/nope/status").status_code == 404
    for path in ("/admin/status", "/admin/models/tickets/status"):
        found = client.get(path).json()
        (model,) = found["models"]
        assert (model["champion"]["version"], found["processes"]["gateway"][0]["workers"]) == ("1", 1)
    worker.home.close()
    for file in worker.home.folder.glob("ledger.db*"):
        file.unlink()
    (worker.home.folder / "ledger.db").mkdir()
    found = client.get("/admin/status").json()
    assert "cannot be used" in found["ledger_problem"]
    assert (found["models"][0]["champion"]["version"], found["models"][0]["traffic"]) == ("1", None)
