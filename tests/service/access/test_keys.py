"""Keys of clients at all routes of one worker."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from core.api_keys import add_key, revoke_key
from core.config import Config
from core.registry import Registry
from service.http.route import PAGES
from service.worker import Worker
from tests.service.apps import all_routes
from tests.service.conftest import local_client

PREDICT = {"texts": ["my invoice was charged again"]}
FEEDBACK = {"feedback": [{"prediction_id": "a", "label": "bug"}]}


@pytest.fixture(autouse=True)
def _without_stat_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.access.keyring.STAT_INTERVAL_S", 0.0)


@pytest.fixture
def keys_file(config: Config) -> Path:
    return config.keys_file


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def code_of(client: TestClient, path: str = "/predict", **headers: str) -> tuple[int, str]:
    answer = client.post(path, json=PREDICT if path == "/predict" else FEEDBACK, headers=headers)
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def test_every_route_has_a_scope_except_probes_and_documents(worker: Worker) -> None:
    needed = {route.path: route.scope for route in all_routes(worker) if route.group is not PAGES}
    assert needed == {
        "/predict": "predict",
        "/feedback": "feedback",
        "/livez": None,
        "/readyz": None,
        "/metrics": None,
        "/openapi.json": None,
        "/docs.json": None,
        "/schema.json": None,
        "/models/{name}": "predict",
        "/v2": "predict",
        "/v2/health/live": None,
        "/v2/health/ready": None,
        **{
            f"/v2/models/{{name}}{path}": "predict"
            for path in ("", "/ready", "/infer", *(f"/versions/{{version}}{end}" for end in ("", "/ready", "/infer")))
        },
        "/admin/models": "admin",
        "/admin/models/{name}": "admin",
        "/admin/models/{name}/promote": "admin",
        "/admin/models/{name}/rollback": "admin",
        "/admin/models/{name}/retrain": "admin",
        "/admin/models/{name}/checks": "admin",
        "/admin/models/{name}/decisions": "admin",
        "/admin/models/{name}/promotions": "admin",
        "/admin/models/{name}/incidents": "admin",
        "/admin/models/{name}/labels": "label",
        "/admin/models/{name}/events": "admin",
        "/admin/events": "admin",
        "/admin/status": "admin",
        **{
            f"/admin/models/{{name}}/{order}": "admin"
            for order in ("loop", "accept", "decline", "resume", "freeze", "unfreeze")
        },
        "/admin/models/{name}/status": "admin",
        "/admin/audit": "admin",
        "/admin/jobs": "admin",
        "/admin/jobs/{id}": "admin",
        "/admin/jobs/{id}/cancel": "admin",
    }


def test_without_a_key_file_clients_need_no_key(client: TestClient) -> None:
    assert code_of(client) == (200, "")
    assert code_of(client, **bearer("rt_nobody_knows")) == (200, "")


def test_a_running_worker_applies_changes_of_the_key_file(client: TestClient, keys_file: Path) -> None:
    assert code_of(client) == (200, "")
    _, text = add_key(keys_file, "shop", ["predict"])
    assert code_of(client) == (401, "unauthorized")
    assert code_of(client, **bearer(text)) == (200, "")
    revoke_key(keys_file, "shop")
    assert code_of(client, **bearer(text)) == (401, "unauthorized")


def test_a_new_key_works_at_once(client: TestClient, keys_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.access.keyring.STAT_INTERVAL_S", 3600.0)
    add_key(keys_file, "boss", ["admin"])
    assert code_of(client) == (401, "unauthorized")
    _, text = add_key(keys_file, "shop", ["predict"])
    assert code_of(client, **bearer(text)) == (200, "")


def test_a_key_file_that_vanishes_does_not_open_a_running_worker(
    client: TestClient, keys_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, text = add_key(keys_file, "shop", ["predict"])
    assert code_of(client) == (401, "unauthorized")
    aside = keys_file.rename(keys_file.with_name("aside"))
    for _ in range(3):
        assert code_of(client) == (401, "unauthorized")
        assert code_of(client, **bearer(text)) == (200, "")
    assert [record.message.startswith(f"Key file {keys_file} is gone") for record in caplog.records] == [True]
    aside.rename(keys_file)
    revoke_key(keys_file, "shop")
    assert code_of(client, **bearer(text)) == (401, "unauthorized")


def test_an_open_server_follows_a_removed_key_file(config: Config, registry: Registry, keys_file: Path) -> None:
    service = config.service.model_copy(update={"open": True})
    worker = Worker(config.model_copy(update={"service": service}))
    worker.start()
    client = local_client(worker)
    add_key(keys_file, "shop", ["predict"])
    assert code_of(client) == (401, "unauthorized")
    keys_file.unlink()
    assert code_of(client) == (200, "")
    worker.close()


def test_a_key_is_accepted_in_both_headers(client: TestClient, keys_file: Path) -> None:
    _, text = add_key(keys_file, "shop", ["predict"])
    assert code_of(client, **{"X-API-Key": text}) == (200, "")
    assert code_of(client, **{"Authorization": f"bearer  {text}"}) == (200, "")
    assert code_of(client, **{"Authorization": "Basic of-a-proxy", "X-API-Key": text}) == (200, "")


def test_unknown_ids_and_wrong_secrets_get_the_same_message(client: TestClient, keys_file: Path) -> None:
    key, text = add_key(keys_file, "shop", ["predict"])
    wrong = [f"rt_{key.id}_{'0' * 64}", f"rt_{'0' * 16}_{'0' * 64}", text[:-1], f"rt_{key.id}_", "rt_", "x", "_", "é"]
    messages = set()
    for given in wrong:
        answer = client.post("/predict", json=PREDICT, headers=[(b"X-API-Key", given.encode())])
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        messages.add(answer.json()["error"]["message"])
    assert len(messages) == 1


def test_the_name_of_the_key_is_written_to_the_state(worker: Worker, keys_file: Path) -> None:
    _, text = add_key(keys_file, "shop", ["predict"])
    scope = {"type": "http", "method": "POST", "headers": [(b"x-api-key", text.encode())], "state": {}}
    worker.access.require(Request(scope), "predict")
    assert scope["state"] == {"key": "shop"}


def test_a_key_gives_access_to_its_scopes_only(client: TestClient, keys_file: Path) -> None:
    _, text = add_key(keys_file, "shop", ["predict"])
    answer = client.post("/feedback", json=FEEDBACK, headers=bearer(text))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "'feedback'" in answer.json()["error"]["message"]
    _, text = add_key(keys_file, "desk", ["feedback"])
    assert code_of(client, "/feedback", **bearer(text)) == (404, "unknown_prediction")


def test_an_expired_key_is_refused(client: TestClient, keys_file: Path) -> None:
    _, text = add_key(keys_file, "shop", ["predict"], expires_s=0.3)
    assert code_of(client, **bearer(text)) == (200, "")
    time.sleep(0.3)
    assert code_of(client, **bearer(text)) == (401, "unauthorized")


@pytest.mark.parametrize("content", ["", "{", '{"keys": 5}'])
def test_with_a_damaged_key_file_no_key_is_accepted_and_one_line_is_logged(
    client: TestClient, keys_file: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    _, text = add_key(keys_file, "shop", ["predict"])
    keys_file.write_text(content)
    for _ in range(3):
        answer = client.post("/predict", json=PREDICT, headers=bearer(text))
        assert answer.status_code == 503
        assert str(keys_file) not in answer.text
    assert caplog.text.count("cannot be read") == 1
    assert client.get("/livez").status_code == 200


def test_a_key_file_without_keys_accepts_no_request(client: TestClient, keys_file: Path) -> None:
    keys_file.write_text('{"keys": []}')
    assert code_of(client) == (401, "unauthorized")


def test_requests_over_the_rate_get_429_with_retry_after(client: TestClient, keys_file: Path) -> None:
    _, text = add_key(keys_file, "shop", ["predict"], rate=0.1, burst=2)
    assert [code_of(client, **bearer(text))[0] for _ in range(2)] == [200, 200]
    answer = client.post("/predict", json=PREDICT, headers=bearer(text))
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
    assert 8 <= int(answer.headers["Retry-After"]) <= 10


def test_requests_refused_for_other_reasons_do_not_count_towards_the_rate(client: TestClient, keys_file: Path) -> None:
    _, text = add_key(keys_file, "shop", ["predict"], rate=0.1, burst=1)
    for _ in range(3):
        assert code_of(client, **bearer(text[:-1]))[0] == 401
        assert code_of(client, "/feedback", **bearer(text))[0] == 403
    assert code_of(client, **bearer(text))[0] == 200


def test_refusals_are_counted_by_reason(client: TestClient, keys_file: Path) -> None:
    _, text = add_key(keys_file, "shop", ["predict"])
    code_of(client)
    code_of(client, "/feedback", **bearer(text))
    page = client.get("/metrics").text
    assert 'retune_refused_total{reason="unauthorized"} 1.0' in page
    assert 'retune_refused_total{reason="forbidden"} 1.0' in page
    keys_file.write_text("{")
    code_of(client, **bearer(text))
    assert 'retune_refused_total{reason="unavailable"} 1.0' in client.get("/metrics").text
