from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from core.audit.entries import Audit
from core.errors import PromotionTimeout
from core.registry import Registry
from service.worker import Worker

RETRAIN = "/admin/models/tickets/retrain"
ROLL_BACK = "/admin/models/tickets/rollback"


def keyed(key: str = "k1") -> dict[str, str]:
    return {"Idempotency-Key": key}


@pytest.fixture
def three(registry: Registry, tiny_package: Path, second_package: Path, tmp_path: Path) -> Registry:
    """Versions 1 and 2 were champions before; 2 is now."""
    registry.promote("tickets", registry.add(second_package, "tickets"))
    return registry


def test_a_repeated_change_is_made_once(client: TestClient, worker: Worker) -> None:
    first = client.post(RETRAIN, headers=keyed())
    worker.home.jobs.cancel(first.json()["job"])
    again = client.post(RETRAIN, headers=keyed())
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (202, first.json(), "true")
    assert len(worker.home.jobs.latest("tickets")) == 1
    assert len(Audit(worker.home.ledger.database).latest()) == 1
    assert client.post(RETRAIN, headers=keyed("k2")).json()["job"] == 2
    assert "Idempotent-Replayed" not in first.headers


def test_a_key_is_for_one_request(client: TestClient) -> None:
    client.post(RETRAIN, headers=keyed())
    for path, body in ((RETRAIN, {}), ("/admin/models/other/retrain", None), (ROLL_BACK, None)):
        answer = (
            client.post(path, json=body, headers=keyed()) if body is not None else client.post(path, headers=keyed())
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "\u00e9"])
def test_an_unusable_key_is_refused(client: TestClient, key: str) -> None:
    answer = client.post(RETRAIN, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")


def test_a_refused_change_may_be_sent_again(client: TestClient, worker: Worker) -> None:
    assert client.post("/admin/jobs/1/cancel", headers=keyed()).status_code == 404
    worker.home.jobs.enqueue("tickets", "retrain")
    assert client.post("/admin/jobs/1/cancel", headers=keyed()).status_code == 200
    assert client.post("/admin/jobs/1/cancel", headers=keyed()).status_code == 200
    assert client.post("/admin/jobs/1/cancel").status_code == 409


def test_a_rollback_that_took_too_long_is_not_made_twice(
    client: TestClient, worker: Worker, three: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def late(_home: object, model: str, **_: object) -> None:
        made.append(model)
        raise PromotionTimeout(model, "1", 1, 0.1)

    monkeypatch.setattr("core.promotion.roll_back", late)
    assert client.post(ROLL_BACK, headers=keyed()).status_code == 503
    worker.promotion_executor.submit(int).result()  # after the one that keeps the answer
    again = client.post(ROLL_BACK, headers=keyed())
    assert (again.status_code, again.headers["Idempotent-Replayed"], len(made)) == (503, "true", 1)


def test_without_a_ledger_a_rollback_is_made_and_a_retrain_refused(
    client: TestClient, worker: Worker, three: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = worker.home.folder / "ledger.db"
    worker.home.close()
    for file in database.parent.glob("ledger.db*"):
        file.unlink()
    database.mkdir()
    refused = client.post(RETRAIN, headers=keyed())
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    answer = client.post(ROLL_BACK, headers=keyed())
    assert (answer.status_code, answer.json()["champion"]) == (200, "1")
    shutil.rmtree(database)


def test_of_several_at_once_one_is_made_and_the_others_get_its_answer(server: str) -> None:
    def send(_: int) -> httpx.Response:
        return httpx.post(f"{server}{RETRAIN}", headers=keyed("together"), timeout=20)

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(send, range(6)))
    assert [answer.status_code for answer in answers] == [202] * 6
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 5
