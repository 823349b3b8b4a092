from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.api_keys import KeyScope, add_key
from core.audit.entries import Audit
from core.records import Wanted
from core.registry import Registry
from service.worker import Worker
from tests.service.apps import app_of
from tests.service.conftest import flush
from tests.service.http.test_openapi import problem_with

QUEUE = "/admin/models/tickets/labels"


@pytest.fixture(autouse=True)
def _without_stat_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.access.keyring.STAT_INTERVAL_S", 0.0)


@pytest.fixture
def asked(client: TestClient, worker: Worker) -> list[str]:
    """Four predictions whose labels are asked for; the last is near the third."""
    answer = client.post("/predict", json={"texts": ["my invoice", "it crashes", "how do I", "how can I"]}).json()
    ids = [item["id"] for item in answer["predictions"]]
    assert flush(worker.recorder)
    wanted = [
        Wanted(ids[0], "measure", 0.5),
        Wanted(ids[1], "learn"),
        *(Wanted(key, "learn", group=ids[2]) for key in ids[2:]),
    ]
    worker.home.ledger.request_labels("tickets", wanted, check_id=None)
    return ids


def test_the_queue_says_what_a_person_needs_and_not_what_measures(client: TestClient, asked: list[str]) -> None:
    queue = client.get(QUEUE).json()
    assert (queue["answers"], queue["texts"], queue["labels"]) == (3, 4, ["billing", "bug", "how_to"])
    first = queue["requests"][0]
    assert (first["prediction_id"], first["text"], first["group"]) == (asked[0], "my invoice", None)
    assert set(first) == {"prediction_id", "group", "text", "pair", "predicted", "score"}
    assert [item["group"] for item in queue["requests"]] == [None, None, asked[2], asked[2]]


def test_a_group_stays_together(client: TestClient, asked: list[str]) -> None:
    assert len(client.get(QUEUE, params={"limit": 2}).json()["requests"]) == 2
    assert len(client.get(QUEUE, params={"limit": 3}).json()["requests"]) == 4
    assert client.get(QUEUE, params={"before": 2}).status_code == 400


def test_the_queue_is_as_documented(client: TestClient, asked: list[str]) -> None:
    spec = client.get("/openapi.json").json()
    schema = spec["paths"]["/admin/models/{name}/labels"]["get"]["responses"]["200"]["content"]["application/json"]
    assert problem_with(client.get(QUEUE).json(), schema["schema"], spec["components"]["schemas"]) is None


def test_answers_are_stored_and_the_audit_counts_them(client: TestClient, worker: Worker, asked: list[str]) -> None:
    given = [
        {"prediction_id": asked[0], "label": "bug", "source": "ann"},
        {"prediction_ids": asked[2:], "cannot_tell": True},
    ]
    answer = client.post(QUEUE, json={"feedback": given})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["cannot_tell"]) == (200, 1, 2)
    assert [item["prediction_id"] for item in client.get(QUEUE).json()["requests"]] == [asked[1]]
    (entry,) = Audit(worker.home.ledger.database).latest("tickets")
    assert entry.action == "give_labels"
    assert entry.facts == {"source": "ann, user", "accepted": 1, "cannot_tell": 2, "doubtful": 0}


def test_labels_of_another_models_predictions_are_refused(
    client: TestClient, registry: Registry, second_package: Path, asked: list[str]
) -> None:
    registry.add(second_package, "other")
    body = {"feedback": [{"prediction_id": asked[0], "label": "bug"}]}
    assert client.post("/admin/models/other/labels", json=body).status_code == 400
    assert client.post("/admin/models/nope/labels", json=body).status_code == 404
    assert len(client.get(QUEUE).json()["requests"]) == 4


def client_with(worker: Worker, *scopes: KeyScope) -> TestClient:
    """A client on another machine with a key."""
    text = add_key(worker.config.keys_file, "-".join(["k", *scopes]), scopes)[1]
    headers = {"Authorization": f"Bearer {text}"}
    return TestClient(app_of(worker), base_url="http://retune.example", client=("10.0.0.9", 1), headers=headers)


def test_a_key_for_labels_reads_the_queue_gives_labels_and_does_nothing_else(worker: Worker, asked: list[str]) -> None:
    labeller = client_with(worker, "label")
    body = {"feedback": [{"prediction_id": asked[0], "label": "bug"}]}
    assert labeller.get(QUEUE).status_code == 200
    assert labeller.post(QUEUE, json=body).status_code == 200
    assert labeller.post("/feedback", json=body).status_code == 200
    refused = [
        labeller.post("/predict", json={"texts": ["a"]}),
        labeller.get("/admin/models"),
        labeller.get("/admin/audit"),
        labeller.post("/admin/models/tickets/retrain"),
        labeller.get("/dashboard"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5


def test_other_keys_do_not_read_the_queue(worker: Worker) -> None:
    for scope in ("predict", "feedback"):
        assert client_with(worker, scope).get(QUEUE).status_code == 403
    assert client_with(worker, "admin").get(QUEUE).status_code == 200
    without = TestClient(app_of(worker), base_url="http://retune.example", client=("10.0.0.9", 1))
    assert without.get(QUEUE).status_code == 401


def test_without_keys_the_queue_is_for_this_machine(worker: Worker) -> None:
    elsewhere = TestClient(app_of(worker), base_url="http://localhost:3000", client=("10.0.0.9", 1))
    assert elsewhere.get(QUEUE).status_code == 403
