"""BentoML's client with the real server, and the service's methods without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import bentoml
import httpx
import pytest
from bentoml.exceptions import BentoMLException, NotFound

from core.config import Config
from core.errors import ModelNotFound
from core.registry import Registry
from service.gateway import Gateway
from service.host.process import server_environment
from service.refusals import InvalidBody
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(3, seed=14)]


@pytest.fixture
def bento(server: str) -> Iterator[bentoml.SyncHTTPClient]:
    with bentoml.SyncHTTPClient(server) as client:
        yield client
        client._temp_dir.cleanup()  # close() leaves the folder to the garbage collector, which warns


def test_the_client_gets_the_same_predictions_as_plain_http(bento: bentoml.SyncHTTPClient, server: str) -> None:
    plain = httpx.post(f"{server}/predict", json={"texts": TEXTS, "top_k": 2}).json()
    for given in (bento.predict(texts=TEXTS, model="tickets", top_k=2), bento.predict(TEXTS, top_k=2)):
        for item, other in zip(given["predictions"], plain["predictions"], strict=True):
            assert item["scores"] == pytest.approx(other["scores"], abs=1e-5)
    assert len(bento.predict(texts=TEXTS)["predictions"][0]["scores"]) == 3


def test_the_client_gives_feedback(bento: bentoml.SyncHTTPClient) -> None:
    key = bento.predict(texts=TEXTS)["predictions"][0]["id"]
    stored = bento.feedback(feedback=[{"prediction_id": key, "label": "bug"}])
    assert stored == {"accepted": 1, "cannot_tell": 0, "unknown": [], "doubtful": []}


def test_the_client_shows_our_message(bento: bentoml.SyncHTTPClient) -> None:
    with pytest.raises(NotFound, match="nope.*Known: tickets"):
        bento.predict(texts=TEXTS, model="nope")
    with pytest.raises(BentoMLException, match="Send at least one item") as caught:
        bento.predict(texts=[])
    assert caught.value.error_code == 400


def test_docs_json_is_the_openapi_document(server: str) -> None:
    assert httpx.get(f"{server}/docs.json").json() == httpx.get(f"{server}/openapi.json").json()


@pytest.fixture
def gateway(config: Config, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    for name, value in server_environment(config).items():
        monkeypatch.setenv(name, value)
    gateway: Gateway = Gateway.inner()  # type: ignore[attr-defined]  # the decorator made it a bentoml Service
    yield gateway
    gateway.close()


def test_methods_called_without_http_give_the_same_answers(gateway: Gateway) -> None:
    async def both() -> list[int]:
        given = await gateway.predict(texts=[*TEXTS, " "], top_k=1)
        assert given["predictions"][-1]["error"]["code"] == "empty_text"
        item = {"prediction_id": given["predictions"][0]["id"], "label": "bug"}
        return [len(given["predictions"]), (await gateway.feedback(feedback=[item]))["accepted"]]

    assert asyncio.run(both()) == [4, 1]


def test_methods_called_without_http_raise_the_same_errors(gateway: Gateway) -> None:
    with pytest.raises(InvalidBody):
        asyncio.run(gateway.predict(texts=[]))
    with pytest.raises(ModelNotFound):
        asyncio.run(gateway.predict(texts=TEXTS, model="nope"))
