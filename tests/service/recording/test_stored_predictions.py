"""Which parts of a prediction are stored in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from core.clock import sortable_id
from core.config import Config, LedgerConfig
from core.ledger import open_ledger
from core.records import StoredPrediction
from core.registry import Registry, open_registry
from service.recording.recorder import is_sampled
from service.worker import Worker
from tests.service.apps import app_of
from tests.service.conftest import local_client
from tests.tasks import TaskFiles

PRIVATE = "my card 4111 1111 1111 1111 was charged, write to jo@example.org"
ClientWith = Callable[..., TestClient]


@pytest.fixture
def client_with(config: Config, registry: Registry) -> Iterator[ClientWith]:
    """Makes a client of a worker with other ledger settings: `client_with(keep="features")`."""
    workers: list[Worker] = []

    def start(**settings: Any) -> TestClient:
        ledger = LedgerConfig(flush_s=0.05, **settings)
        workers.append(Worker(config.model_copy(update={"ledger": ledger})))
        workers[-1].start()
        return local_client(workers[-1])

    yield start
    for worker in workers:
        worker.close()


def recorded(client: TestClient, config: Config, texts: list[Any], *, model: str = "tickets") -> list[StoredPrediction]:
    """The stored predictions of `texts`, after feedback on them was accepted."""
    predictions = client.post("/predict", json={"texts": texts, "model": model}).json()["predictions"]
    feedback = [{"prediction_id": item["id"], "label": item["label"]} for item in predictions]
    assert client.post("/feedback", json={"feedback": feedback}).json()["unknown"] == []
    return open_ledger(config).window(model, "1", limit=10)


def test_texts_are_stored_unchanged_by_default(client_with: ClientWith, config: Config) -> None:
    [row] = recorded(client_with(), config, [PRIVATE])
    assert (row.text, row.pair, row.key) == (PRIVATE, None, None)


def test_personal_data_in_redacted_texts_never_reaches_the_disk(client_with: ClientWith, config: Config) -> None:
    [row] = recorded(client_with(keep="redacted"), config, [PRIVATE])
    assert row.text == "my card [CARD] was charged, write to [EMAIL]"
    assert not any(b"jo@example" in path.read_bytes() for path in Path(config.home).glob("ledger.db*"))


def test_features_are_stored_without_text_and_accept_feedback(client_with: ClientWith, config: Config) -> None:
    [row] = recorded(client_with(keep="features"), config, [PRIVATE])
    assert (row.text, row.has_text) == ("", False)
    assert row.label
    assert row.tokens > 3
    assert row.embedding.any()
    assert [(item.text, item.predicted) for item in open_ledger(config).labelled("tickets")] == [("", row.label)]


@pytest.mark.parametrize(("keep", "expected"), [("redacted", ("call [PHONE]", "or [EMAIL]")), ("features", ("", ""))])
def test_both_texts_of_a_pair_are_redacted(
    client_with: ClientWith, config: Config, paired: TaskFiles, keep: str, expected: tuple[str, str]
) -> None:
    registry = open_registry(config)
    registry.promote("answers", registry.add(paired.package, "answers"))
    texts = [["call +44 20 7946 0958", "or jo@example.org"]]
    [row] = recorded(client_with(keep=keep), config, texts, model="answers")
    assert row.input == expected


def test_the_key_of_a_request_is_recorded(worker: Worker, config: Config) -> None:
    client = TestClient(WithKey(app_of(worker)), base_url="http://localhost:3000")
    [row] = recorded(client, config, ["hello"])
    assert row.key == "shop"


class WithKey:
    """Writes the name of a key to the request's state, as `Access` does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["key"] = "shop"
        await self._app(scope, receive, send)


def test_the_sample_is_a_share_of_all_ids() -> None:
    share = sum(is_sampled(sortable_id(), 0.3) for _ in range(5000)) / 5000
    assert 0.27 < share < 0.33
    assert all(is_sampled(sortable_id(), 1.0) for _ in range(100))
    assert not any(is_sampled(sortable_id(), 0.0) for _ in range(100))


def test_predictions_outside_the_sample_are_counted_apart_from_drops(client_with: ClientWith, config: Config) -> None:
    client = client_with(sample=0.0)
    client.post("/predict", json={"texts": ["a", "b"]})
    page = client.get("/metrics").text
    assert "retune_ledger_sampled_out_total 2.0" in page
    assert "retune_ledger_dropped_total 0.0" in page
    assert "retune_ledger_waiting 0.0" in page
    assert "retune_ledger_capacity 10000.0" in page
    assert open_ledger(config).count_predictions("tickets", "1") == 0


def test_feedback_on_predictions_outside_the_sample_is_404_at_once(config: Config, registry: Registry) -> None:
    worker = Worker(config.model_copy(update={"ledger": LedgerConfig(flush_s=20, sample=0.0)}))
    worker.start()
    client = local_client(worker)
    [prediction] = client.post("/predict", json={"texts": ["a"]}).json()["predictions"]
    started = time.monotonic()
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": prediction["id"], "label": "bug"}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_prediction")
    assert time.monotonic() - started < 5
    worker.close()


def test_a_server_that_cannot_record_is_ready_and_says_so(config: Config, registry: Registry) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    worker = Worker(config)
    worker.start()
    client = local_client(worker)
    assert client.get("/readyz").json() == {"status": "ready"}
    assert client.post("/predict", json={"texts": ["my invoice"]}).status_code == 200
    deadline = time.monotonic() + 10
    while worker.warning is None and time.monotonic() < deadline:
        time.sleep(0.01)
    answer = client.get("/readyz")
    page = client.get("/metrics").text
    worker.close()
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert "answered, but not recorded" in answer.json()["warning"]
    assert "retune_ledger_failing 1.0" in page
