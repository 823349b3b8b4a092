from __future__ import annotations

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


def test_each_text_is_answered_as_the_engine_alone_answers_it(client: TestClient, tiny_package: Path) -> None:
    body = client.post("/predict", json={"texts": TEXTS}).json()
    engine = Engine(tiny_package, threads=1)
    alone = [engine.answer([text]) for text in TEXTS]
    assert (body["model"], body["version"]) == ("tickets", "1")
    for prediction, outputs in zip(body["predictions"], alone, strict=True):
        assert prediction["label"] == engine.labels[int(outputs.predicted[0])]
        assert prediction["score"] == pytest.approx(float(outputs.confidence[0]), abs=1e-5)
        assert prediction["truncated"] is prediction["abstained"] is False


def test_scores_are_by_label_and_descend(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": TEXTS[:1]}).json()["predictions"]
    scores = list(prediction["scores"].values())
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert next(iter(prediction["scores"])) == prediction["label"]


def test_top_k_limits_the_scores(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": TEXTS[:1], "top_k": 2}).json()["predictions"]
    assert len(prediction["scores"]) == 2


def test_a_count_may_be_written_as_json_writes_numbers(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": TEXTS[:1], "top_k": 2.0}).json()["predictions"]
    assert len(prediction["scores"]) == 2


def test_an_unusable_item_has_its_own_error_and_its_neighbours_their_answers(client: TestClient) -> None:
    texts = [TEXTS[0], 3, "  ", "x" * 501, "nul \0 inside", None, TEXTS[1]]
    predictions = client.post("/predict", json={"texts": texts}).json()["predictions"]
    codes = [prediction.get("error", {}).get("code") for prediction in predictions]
    assert codes == [None, "invalid_text", "empty_text", "text_too_long", "invalid_text", "invalid_text", None]
    assert predictions[-1]["label"]


def test_a_request_of_unusable_items_only_is_answered(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": [1, 2]})
    assert answer.status_code == 200
    assert [list(prediction) for prediction in answer.json()["predictions"]] == [["error"], ["error"]]


def test_a_cut_text_says_so(client: TestClient) -> None:
    [prediction] = client.post("/predict", json={"texts": ["invoice " * 60]}).json()["predictions"]
    assert prediction["truncated"] is True


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


def test_a_record_that_waits_holds_no_more_than_its_own_row(
    client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[PredictionRecord] = []
    monkeypatch.setattr(worker.recorder, "offer", records.extend)
    client.post("/predict", json={"texts": TEXTS[:4]})
    assert [record.embedding.base for record in records] == [None] * 4


def test_an_unknown_model_is_404_and_lists_the_known(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "model": "nope"})
    assert answer.status_code == 404
    assert "Known: tickets" in answer.json()["error"]["message"]


def test_a_model_without_champion_is_503_with_the_cure(config: Config, tiny_package: Path) -> None:
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


def test_of_two_models_one_must_be_named(config: Config, registry: Registry, tiny_package: Path) -> None:
    registry.promote("other", registry.add(tiny_package, "other"))
    for default, status in [(None, 400), ("other", 200)]:
        service = config.service.model_copy(update={"default_model": default})
        worker = Worker(config.model_copy(update={"service": service}))
        worker.start()
        answer = local_client(worker).post("/predict", json={"texts": TEXTS})
        worker.close()
        assert answer.status_code == status
        assert "other" in answer.text
