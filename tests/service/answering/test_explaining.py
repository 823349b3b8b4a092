"""Explanations over HTTP and for pages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api_keys import KeyScope, add_key
from core.config import Config
from core.engine import Engine
from core.errors import ModelNotFound
from core.ledger import open_ledger
from core.registry import Registry
from service.answering import explaining
from service.answering.items import ItemError
from service.refusals import Overloaded
from service.worker import Worker
from tests.service.conftest import flush, local_client
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(4, seed=5)]
LONG = " ".join(["invoice crash"] * 35)


def with_service(config: Config, **settings: Any) -> Config:
    return config.model_copy(update={"service": config.service.model_copy(update=settings)})


def ask(client: TestClient, *texts: Any, **more: Any) -> list[Any]:
    answer = client.post("/predict", json={"texts": texts, "explain": True, **more})
    assert answer.status_code == 200, answer.text
    predictions: list[Any] = answer.json()["predictions"]
    return predictions


def refused(client: TestClient, *texts: Any, **more: Any) -> tuple[int, str]:
    answer = client.post("/predict", json={"texts": texts, "explain": True, **more})
    return answer.status_code, answer.json()["error"]["message"]


def test_a_weight_is_what_the_probability_loses_without_the_word(client: TestClient, tiny_package: Path) -> None:
    engine = Engine(tiny_package, threads=1)
    text = "my Invoice is  wrong!"
    [prediction] = ask(client, text)
    explanation = prediction["explanation"]
    label = engine.labels.index(prediction["label"])
    words = ["my", "Invoice", "is", "wrong", "!"]
    whole = engine.answer([text]).probabilities[0][label]
    without = engine.answer([text.replace(word, "") for word in words]).probabilities[:, label]
    assert [part["text"] for part in explanation["parts"]] == words
    assert [text[part["start"] : part["end"]] for part in explanation["parts"]] == words
    assert [part["weight"] for part in explanation["parts"]] == pytest.approx((whole - without).tolist(), abs=1e-5)
    assert explanation["score"] == prediction["score"]
    assert (explanation["label"], explanation["words_per_part"], explanation["rows"]) == (prediction["label"], 1, 5)


def test_the_answer_is_the_same_as_without_explanation(client: TestClient) -> None:
    plain = client.post("/predict", json={"texts": TEXTS[:1]}).json()["predictions"][0]
    for explain in (True, False, None):
        [given] = client.post("/predict", json={"texts": TEXTS[:1], "explain": explain}).json()["predictions"]
        assert ("explanation" in given) is bool(explain)
        assert {**given, "explanation": 0, "id": 0} == {**plain, "explanation": 0, "id": 0}


def test_texts_with_words_left_out_are_neither_recorded_nor_counted(
    client: TestClient, worker: Worker, config: Config
) -> None:
    ask(client, *TEXTS)
    assert flush(worker.recorder)
    assert [row.text for row in open_ledger(config).window("tickets", "1", limit=100)] == TEXTS
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith("retune_predictions_total{")]
    assert sum(float(line.split()[-1]) for line in lines) == len(TEXTS)
    assert worker.batcher.waiting == 0


def test_items_with_an_error_have_no_explanation(client: TestClient) -> None:
    good, *bad = ask(client, TEXTS[0], " ", 3, "x" * 501)
    assert good["explanation"]["parts"]
    assert [list(item) for item in bad] == [["error"]] * 3


def test_a_long_text_is_explained_by_groups_of_the_words_that_were_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "MOST_PARTS", 8)
    [prediction] = ask(client, LONG)
    explanation = prediction["explanation"]
    assert prediction["truncated"] is True
    assert (explanation["words_per_part"], len(explanation["parts"]), explanation["rows"]) == (4, 8, 8)
    assert explanation["parts"][0]["text"] == "invoice crash invoice crash"
    assert explanation["parts"][-1]["end"] < len(LONG)


def test_a_text_of_one_word_and_unknown_ones_are_explained(client: TestClient) -> None:
    for text in ("invoice", "退款请", "\u200fשלום", "😡", "<script>"):
        [prediction] = ask(client, text)
        assert "".join(part["text"] for part in prediction["explanation"]["parts"]) == text.lstrip("\u200f")


def test_too_many_texts_are_refused_before_any_is_answered(config: Config, registry: Registry) -> None:
    worker = Worker(with_service(config, max_explained=2))
    worker.start()
    client = local_client(worker)
    assert len(ask(client, *TEXTS[:2])) == 2
    status, message = refused(client, *TEXTS[:3])
    worker.close()
    assert (status, "has 3 items" in message, "at most 2" in message) == (400, True, True)
    assert len(open_ledger(config).window("tickets", "1", limit=100)) == 2


@pytest.mark.parametrize("explain", ["yes", 1, []])
def test_explain_is_true_or_false(client: TestClient, explain: object) -> None:
    answer = client.post("/predict", json={"texts": ["a"], "explain": explain})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_body")
    assert "'explain'" in answer.json()["error"]["message"]


def test_explanations_can_be_turned_off(config: Config, registry: Registry) -> None:
    worker = Worker(with_service(config, max_explained=0))
    worker.start()
    status, message = refused(local_client(worker), "a")
    worker.close()
    assert (status, "service.max_explained" in message) == (400, True)


def test_other_protocols_have_no_explanations(client: TestClient) -> None:
    answer = client.post("/models/tickets", json={"inputs": "a", "parameters": {"explain": True}})
    assert answer.status_code == 400
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    plain = client.post("/v2/models/tickets/infer", json={"inputs": [tensor], "parameters": {"explain": True}})
    assert [output["name"] for output in plain.json()["outputs"]][:1] == ["label"]


def test_an_explanation_that_is_late_leaves_the_answer(
    client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(worker.batcher, "answer_in_background", never)
    predictions = ask(client, *TEXTS[:2], timeout_ms=150)
    assert [prediction["explanation"]["error"]["code"] for prediction in predictions] == ["timeout"] * 2
    assert all(prediction["label"] for prediction in predictions)


def test_a_text_that_fails_in_the_engine_leaves_the_answer(
    client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_: Engine, encoded: list[Any]) -> list[ItemError]:
        return [ItemError("engine_failed", "No.")] * len(encoded)

    monkeypatch.setattr(worker.batcher, "answer_in_background", failing)
    [prediction] = ask(client, TEXTS[0])
    assert prediction["explanation"] == {"error": {"code": "engine_failed", "message": "No."}}


def test_explanations_are_refused_while_predictions_wait(
    client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(worker.batcher), "wait_s", property(lambda _: 0.6))
    assert client.post("/predict", json={"texts": TEXTS}).status_code == 200
    answer = client.post("/predict", json={"texts": TEXTS, "explain": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "overloaded")
    assert answer.headers["Retry-After"] == "1"


def test_explanations_are_refused_while_others_wait(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "MOST_WAITING", 2)
    started = asyncio.Event()

    async def held(*_: Any) -> list[Any]:
        started.set()
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(worker.batcher, "answer_in_background", held)

    async def explain_three() -> None:
        waiting = [asyncio.create_task(worker.explainer.of_text("tickets", text)) for text in TEXTS[:2]]
        await started.wait()
        with pytest.raises(Overloaded):
            await worker.explainer.of_text("tickets", TEXTS[2])
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        worker.explainer.require_room(2)

    asyncio.run(explain_three())


def labelled(client: TestClient) -> None:
    """Labels the first text."""
    key = client.post("/predict", json={"texts": TEXTS[:1]}).json()["predictions"][0]["id"]
    given = client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": "bug"}]})
    assert given.json()["accepted"] == 1


def test_labelled_texts_that_are_like_it_are_shown(client: TestClient) -> None:
    labelled(client)
    explanation = ask(client, TEXTS[0].upper())[0]["explanation"]
    assert explanation["compared"] == 1
    [like] = explanation["like"]
    assert (like["text"], like["label"], like["origin"]) == (TEXTS[0], "bug", "feedback")
    assert like["similarity"] == pytest.approx(1, abs=1e-3)


def test_labelled_texts_are_for_those_who_may_label(config: Config, registry: Registry) -> None:
    scopes: list[list[KeyScope]] = [["predict"], ["predict", "label"], ["predict", "admin"]]
    keys = [add_key(config.keys_file, f"key-{number}", held)[1] for number, held in enumerate(scopes)]
    worker = Worker(with_service(config, admin_token="secret"))
    worker.start()
    seen = []
    for key in keys:
        client = local_client(worker, headers={"Authorization": f"Bearer {key}"})
        explanation = ask(client, TEXTS[0])[0]["explanation"]
        assert explanation["parts"]
        seen.append("like" in explanation)
    worker.close()
    assert seen == [False, True, True]


def test_labelled_texts_can_be_shown_to_all(config: Config, registry: Registry) -> None:
    for shows in (False, True):
        worker = Worker(with_service(config, admin_token="secret", show_labelled=shows))
        worker.start()
        explanation = ask(local_client(worker), TEXTS[0])[0]["explanation"]
        worker.close()
        assert ("like" in explanation) is shows


def test_a_stored_text_is_explained_for_a_page(worker: Worker, config: Config, tiny_package: Path) -> None:
    explanation = asyncio.run(worker.explainer.of_text("tickets", TEXTS[0]))
    engine = Engine(tiny_package, threads=1)
    assert explanation["label"] == engine.labels[int(engine.answer(TEXTS[:1]).predicted[0])]
    assert explanation["rows"] == 1 + len(explanation["parts"])
    assert explanation["like"] == []
    for label in engine.labels:
        other = asyncio.run(worker.explainer.of_text("tickets", TEXTS[0], label=label))
        assert other["label"] == label
    with pytest.raises(ModelNotFound):
        asyncio.run(worker.explainer.of_text("nope", TEXTS[0]))
    assert flush(worker.recorder)
    assert open_ledger(config).window("tickets", "1", limit=10) == []
