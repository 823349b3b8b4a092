"""Limits of a request: items and characters by model, deadlines, texts with too many tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.config import Config, ModelLimits
from core.registry import Registry
from service.worker import Worker
from tests.service.conftest import local_client

LONG = "invoice " * 60


@pytest.fixture
def limited(config: Config, registry: Registry) -> Iterator[TestClient]:
    limits = {"tickets": ModelLimits(max_items=2, max_text_chars=None, overlength="reject")}
    worker = Worker(config.model_copy(update={"service": config.service.model_copy(update={"limits": limits})}))
    worker.start()
    yield local_client(worker)
    worker.close()


def ask(client: TestClient, **body: Any) -> Any:
    return client.post("/predict", json=body)


def test_a_model_can_have_a_lower_limit_of_items(limited: TestClient) -> None:
    assert ask(limited, texts=["a"] * 2).status_code == 200
    answer = ask(limited, texts=["a"] * 3)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_body")
    assert "at most 2" in answer.json()["error"]["message"]
    tensor = {"name": "text", "datatype": "BYTES", "shape": [3], "data": ["a"] * 3}
    assert "Field 'inputs' has 3" in limited.post("/models/tickets", json={"inputs": ["a"] * 3}).text
    assert "Field 'inputs' has 3" in limited.post("/v2/models/tickets/infer", json={"inputs": [tensor]}).text


def test_a_model_can_have_a_higher_limit_of_items(config: Config, registry: Registry) -> None:
    most = ModelLimits(max_items=20, max_text_chars=None, overlength=None)
    service = config.service.model_copy(update={"max_items": 2, "limits": {"tickets": most}})
    worker = Worker(config.model_copy(update={"service": service}))
    worker.start()
    client = local_client(worker)
    tensor = {"name": "text", "datatype": "BYTES", "shape": [15], "data": ["a"] * 15}
    for path, body in (
        ("/predict", {"texts": ["a"] * 15}),
        ("/models/tickets", {"inputs": ["a"] * 15}),
        ("/v2/models/tickets/infer", {"inputs": [tensor]}),
    ):
        assert client.post(path, json=body).status_code == 200
    assert ask(client, texts=["a"] * 21).status_code == 400
    worker.close()


def test_a_text_with_too_many_tokens_is_an_item_error_with_overlength_reject(limited: TestClient) -> None:
    first, second = ask(limited, texts=[LONG, "my invoice"]).json()["predictions"]
    assert first["error"]["code"] == "text_too_long"
    assert "label" in second


def test_a_text_with_too_many_tokens_is_truncated_by_default(client: TestClient) -> None:
    assert ask(client, texts=[LONG]).json()["predictions"][0]["truncated"] is True


def test_an_expired_deadline_is_504(client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = worker.champions.served("tickets").engine
    infer = engine.infer

    def slow(batch: Any) -> Any:
        time.sleep(0.3)
        return infer(batch)

    monkeypatch.setattr(engine, "infer", slow)
    answer = ask(client, texts=["my invoice"], timeout_ms=50)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
    assert ask(client, texts=["my invoice"], timeout_ms=5000).status_code == 200


def test_a_deadline_includes_the_tokenizer_and_engine_calls_on_the_event_loop(
    client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = worker.champions.served("tickets").engine

    def slowed(call: Callable[..., Any]) -> Callable[..., Any]:
        def slow(given: Any) -> Any:
            time.sleep(0.05)
            return call(given)

        return slow

    monkeypatch.setattr(worker.batcher, "_max_inline_s", 10.0)
    ask(client, texts=["my invoice"])  # measures the throughput
    for name, texts in (("encode", ["my invoice " * 30] * 2), ("infer", ["my invoice"])):
        with monkeypatch.context() as patched:
            patched.setattr(engine, name, slowed(getattr(engine, name)))
            answer = ask(client, texts=texts, timeout_ms=10)
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
            assert ask(client, texts=texts, timeout_ms=5000).status_code == 200


@pytest.mark.parametrize("value", [0, -1, 1.5, "1", True])
def test_an_invalid_deadline_is_400(client: TestClient, value: object) -> None:
    assert ask(client, texts=["a"], timeout_ms=value).status_code == 400
