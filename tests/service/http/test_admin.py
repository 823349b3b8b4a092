from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.audit.entries import Audit, AuditEntry
from core.registry import Registry, open_registry
from service.worker import Worker
from tests.service.pages.forms import send


def test_the_state_of_a_model_has_its_champion_and_workers(client: TestClient, worker: Worker) -> None:
    answer = client.get("/admin/models/tickets").json()
    assert (answer["champion"]["version"], answer["versions"]) == ("1", ["1"])
    assert [(entry["version"], entry["error"]) for entry in answer["workers"]] == [("1", None)]


def test_retrain_enqueues_one_job(client: TestClient, worker: Worker) -> None:
    for _ in range(2):
        answer = client.post("/admin/models/tickets/retrain")
        assert (answer.status_code, answer.json()) == (202, {"job": 1, "status": "queued"})
    assert len(worker.home.jobs.latest("tickets")) == 1


def test_retrain_accepts_an_empty_object_only(client: TestClient) -> None:
    assert client.post("/admin/models/tickets/retrain", json={}).status_code == 202
    assert client.post("/admin/models/tickets/retrain", json={"method": "full"}).status_code == 400


def test_retrain_of_a_model_without_champion_is_503(client: TestClient, registry: Registry, tiny_package: Path) -> None:
    registry.add(tiny_package, "other")
    answer = client.post("/admin/models/other/retrain")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_champion")


@pytest.mark.parametrize("name", ["nope", "..", "%2e%2e", "a%00b", "a" * 300])
def test_an_unknown_model_is_404(client: TestClient, name: str) -> None:
    assert client.get(f"/admin/models/{name}").status_code == 404
    assert client.post(f"/admin/models/{name}/retrain").status_code == 404


def test_a_dead_worker_is_removed_from_the_state(client: TestClient, worker: Worker) -> None:
    folder = next((worker.config.home / "workers").iterdir())
    (folder / "999999999.json").write_text("{}")
    assert len(client.get("/admin/models/tickets").json()["workers"]) == 1
    assert not (folder / "999999999.json").exists()
    assert open_registry(worker.config).models() == ["tickets"]


def test_jobs_are_listed_and_each_has_its_log(client: TestClient, worker: Worker) -> None:
    client.post("/admin/models/tickets/retrain")
    (listed,) = client.get("/admin/jobs").json()["jobs"]
    assert (listed["job"], listed["model"], listed["status"]) == (1, "tickets", "queued")
    job = client.get("/admin/jobs/1").json()
    assert [entry["text"] for entry in job.pop("log")] == ["Queued."]
    assert job == listed


def test_a_job_is_cancelled_once(client: TestClient, worker: Worker) -> None:
    client.post("/admin/models/tickets/retrain")
    answer = client.post("/admin/jobs/1/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    again = client.post("/admin/jobs/1/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert client.post("/admin/jobs/1/cancel", json={"now": True}).status_code == 400


@pytest.mark.parametrize("written", ["7", "0", "-1", "x", "1.5", "\u00b2", "9" * 10, "9" * 5000])
def test_an_unknown_job_is_404(client: TestClient, written: str) -> None:
    assert client.get(f"/admin/jobs/{written}").status_code == 404
    assert client.post(f"/admin/jobs/{written}/cancel").status_code == 404


def latest_entry(worker: Worker) -> AuditEntry:
    return Audit(worker.home.ledger.database).latest(limit=1)[0]


def test_a_retrain_and_its_cancellation_are_in_the_audit(client: TestClient, worker: Worker) -> None:
    client.post("/admin/models/tickets/retrain", headers={"X-Request-ID": "first"})
    entry = latest_entry(worker)
    assert (entry.action, entry.model, entry.facts) == ("retrain", "tickets", {"job": 1})
    assert (entry.who, entry.via, entry.request_id) == ("this machine", "http", "first")
    send(client, "/dashboard/tickets/jobs/1/cancel")
    assert (latest_entry(worker).action, latest_entry(worker).via) == ("cancel_job", "page")


def test_a_change_of_champion_is_in_the_audit(
    client: TestClient, worker: Worker, registry: Registry, second_package: Path
) -> None:
    registry.add(second_package, "tickets")
    client.post("/admin/models/tickets/promote", json={"version": "2"})
    client.post("/admin/models/tickets/rollback")
    worker.promotion_executor.shutdown()  # waits for the records
    rolled_back, promoted = Audit(worker.home.ledger.database).latest()
    assert (promoted.action, promoted.facts) == ("promote", {"version": "2", "before": "1"})
    assert (rolled_back.action, rolled_back.facts) == ("roll_back", {"version": "1", "before": "2"})


def test_a_promotion_names_the_champion_that_it_expects(
    client: TestClient, registry: Registry, second_package: Path
) -> None:
    registry.add(second_package, "tickets")
    for expected in ("2", None):
        answer = client.post("/admin/models/tickets/promote", json={"version": "2", "expected": expected})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "champion_changed")
    assert registry.champion("tickets").version == "1"
    promote = {"version": "2", "expected": "1"}
    assert client.post("/admin/models/tickets/promote", json=promote).status_code == 200
    assert client.post("/admin/models/tickets/promote", json=promote).status_code == 409
    assert client.post("/admin/models/tickets/rollback", json={"expected": "2"}).status_code == 200
    assert client.post("/admin/models/tickets/rollback", json={"expected": "2"}).status_code == 409
    assert client.post("/admin/models/tickets/rollback", json={"expected": 2}).status_code == 400
    assert registry.champion("tickets").version == "1"
