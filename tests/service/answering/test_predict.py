from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.config import Config
from core.engine import Engine
from core.ledger import open_ledger
from core.records import PredictionRecord
from core.registry import Registry, open_registry
from service.worker import Worker
from tests.service.conftest import Variant, flush, local_client
from tests.tiny import tiny_rows

ROWS = tiny_rows(8, seed=5)
TEXTS = [row.text for row in ROWS]


def test_answers_equal_those_of_the_engine(client: TestClient, tiny_package: Path) -> None:
    body = client.post("/predict", json={"texts": TEXTS}).json()
    engine = Engine(tiny_package, threads=1)
    alone = [engine.answer([text]) for text in TEXTS]
    assert (body["model"], body["version"]) == ("tickets", "1")
    for prediction, outputs in zip(body["predictions"], alone, strict=True):
        assert prediction["label"] == engine.labels[int(outputs.predicted[0])]
        assert prediction["score"] == pytest.approx(float(outputs.confidence[0]), abs=1e-5)
        assert prediction["truncated"] is prediction["all_unknown"] is prediction["abstained"] is False


def test_scores_are_sorted_in_descending_order(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": TEXTS[:1]}).json()["predictions"]
    scores = list(prediction["scores"].values())
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert next(iter(prediction["scores"])) == prediction["label"]


def test_top_k_limits_the_scores(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": TEXTS[:1], "top_k": 2}).json()["predictions"]
    assert len(prediction["scores"]) == 2


def test_top_k_may_be_a_float_with_an_integer_value(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": TEXTS[:1], "top_k": 2.0}).json()["predictions"]
    assert len(prediction["scores"]) == 2


def test_an_invalid_item_gets_an_error_and_the_others_their_answers(client: TestClient) -> None:
    texts = [TEXTS[0], 3, "  ", "x" * 501, "nul \0 inside", None, TEXTS[1]]
    predictions = client.post("/predict", json={"texts": texts}).json()["predictions"]
    codes = [prediction.get("error", {}).get("code") for prediction in predictions]
    assert codes == [None, "invalid_text", "empty_text", "text_too_long", "invalid_text", "invalid_text", None]
    assert predictions[-1]["label"]


def test_a_request_with_only_invalid_items_is_200(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": [1, 2]})
    assert answer.status_code == 200
    assert [list(prediction) for prediction in answer.json()["predictions"]] == [["error"], ["error"]]


def test_a_truncated_text_is_marked(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": ["invoice " * 60]}).json()["predictions"]
    assert prediction["truncated"] is True


def test_texts_that_were_not_read_are_marked_and_counted(client: TestClient) -> None:
    texts = ["invoice " * 60, "qqq zzz", "\U0001f642", "\u200b\u200b", "qqq invoice"]
    answers = client.post("/predict", json={"texts": texts}).json()["predictions"]
    assert [answer["truncated"] for answer in answers] == [True, False, False, False, False]
    assert [answer["all_unknown"] for answer in answers] == [False, True, True, True, False]
    page = client.get("/metrics").text
    assert 'retune_truncated_texts_total{model="tickets"} 1.0' in page
    assert 'retune_unknown_texts_total{model="tickets"} 3.0' in page


def test_a_score_below_the_threshold_abstains(config: Config, variant: Variant) -> None:
    registry = open_registry(config)
    registry.promote("unsure", registry.add(variant(abstain_below=1.0), "unsure"))
    worker = Worker(config)
    worker.start()
    [prediction] = local_client(worker).post("/predict", json={"texts": TEXTS[:1]}).json()["predictions"]
    worker.close()
    assert prediction["abstained"] is True


def test_predictions_reach_the_ledger_under_their_ids(client: TestClient, worker: Worker, config: Config) -> None:
    given = client.post("/predict", json={"texts": TEXTS}).json()["predictions"]
    assert flush(worker.recorder)
    rows = open_ledger(config).window("tickets", "1", limit=100)
    assert [(row.id, row.text, row.label) for row in rows] == [
        (prediction["id"], text, prediction["label"]) for prediction, text in zip(given, TEXTS, strict=True)
    ]
    assert rows[0].embedding.shape == (32,)


def test_a_queued_record_does_not_keep_its_batch_in_memory(
    client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[PredictionRecord] = []
    monkeypatch.setattr(worker.recorder, "offer", records.extend)
    client.post("/predict", json={"texts": TEXTS[:4]})
    assert [record.embedding.base for record in records] == [None] * 4


def test_an_unknown_model_is_404_and_lists_known_models(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "model": "nope"})
    assert answer.status_code == 404
    assert "Known: tickets" in answer.json()["error"]["message"]


def test_a_model_without_champion_is_503_and_says_how_to_promote(config: Config, tiny_package: Path) -> None:
    open_registry(config).add(tiny_package, "tickets")
    worker = Worker(config)
    worker.start()
    client = local_client(worker)
    answer, ready = client.post("/predict", json={"texts": TEXTS}), client.get("/readyz")
    worker.close()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_champion")
    assert int(answer.headers["Retry-After"]) > 0
    assert "retune promote" in answer.json()["error"]["message"]
    assert (ready.status_code, ready.json()["error"]["code"]) == (503, "not_ready")


def test_the_configured_default_model_beats_the_first_one(
    config: Config, registry: Registry, tiny_package: Path
) -> None:
    registry.promote("other", registry.add(tiny_package, "other"))
    for default in (None, "other"):
        service = config.service.model_copy(update={"default_model": default})
        worker = Worker(config.model_copy(update={"service": service}))
        worker.start()
        answer = local_client(worker).post("/predict", json={"texts": TEXTS})
        worker.close()
        assert answer.json()["model"] == (default or "tickets")


def test_a_request_without_a_model_is_answered_by_the_first_one(
    client: TestClient, worker: Worker, registry: Registry, tiny_package: Path, config: Config
) -> None:
    def answered_by() -> str:
        worker.champions.poll()
        answer = client.post("/predict", json={"texts": TEXTS})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["model"])

    seen = [answered_by()]
    registry.add(tiny_package, "another")
    seen.append(answered_by())
    registry.promote("another", "1")
    seen.append(answered_by())
    registry.promote("tickets", "1")
    seen.append(answered_by())
    shutil.rmtree(config.home / "registry/another")
    seen.append(answered_by())
    assert set(seen) == {"tickets"}
