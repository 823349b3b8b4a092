"""Models of pairs and multi-label models over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.config import Config
from core.ledger import open_ledger
from core.registry import open_registry
from service.worker import Worker
from tests.service.conftest import flush, local_client
from tests.service.http.test_openapi import problem_with
from tests.tasks import TaskFiles, multi_label_rows, paired_rows

ROWS = multi_label_rows(8, seed=21)
PAIRS = [[row.text, row.pair] for row in paired_rows(4, seed=21)]


@pytest.fixture
def tasks_worker(config: Config, multi_label: TaskFiles, paired: TaskFiles) -> Iterator[Worker]:
    """Serves `topics`, a multi-label model, and `answers`, a model of pairs."""
    registry = open_registry(config)
    for model, files in (("topics", multi_label), ("answers", paired)):
        registry.promote(model, registry.add(files.package, model))
    worker = Worker(config)
    worker.start()
    yield worker
    worker.close()


@pytest.fixture
def tasks_client(tasks_worker: Worker) -> TestClient:
    return local_client(tasks_worker)


def test_a_multi_label_answer_has_labels_and_all_scores(tasks_client: TestClient) -> None:
    body = {"texts": [row.text for row in ROWS], "model": "topics"}
    predictions = tasks_client.post("/predict", json=body).json()["predictions"]
    for prediction in predictions:
        assert prediction["label"] == "|".join(prediction["labels"])
        assert set(prediction["scores"]) == {"billing", "bug", "how_to"}
        assert prediction["abstained"] is (prediction["score"] < 0.5)
    assert {len(prediction["labels"]) for prediction in predictions} >= {0, 1, 2}
    spec = tasks_client.get("/openapi.json").json()
    schema = spec["components"]["schemas"]
    assert [problem_with(item, schema["Prediction"], schema) for item in predictions] == [None] * len(ROWS)


def test_pairs_are_lists_of_two_texts_and_other_items_get_errors(tasks_client: TestClient) -> None:
    items = [PAIRS[0], "one text", ["one"], ["a", "b", "c"], ["a", 3], ["a", " "], ["x" * 501, "b"], PAIRS[1]]
    predictions = tasks_client.post("/predict", json={"texts": items, "model": "answers"}).json()["predictions"]
    codes = [prediction.get("error", {}).get("code") for prediction in predictions]
    bad = ["invalid_text"] * 4
    assert codes == [None, *bad, "empty_text", "text_too_long", None]
    assert predictions[1]["error"]["message"] == (
        'The model answers pairs and the item is a string. Send a list of two strings: ["first", "second"].'
    )
    assert "labels" not in predictions[0]


def test_a_pair_for_a_model_of_single_texts_is_an_item_error(tasks_client: TestClient) -> None:
    items = [PAIRS[0], ROWS[0].text]
    predictions = tasks_client.post("/predict", json={"texts": items, "model": "topics"}).json()["predictions"]
    assert predictions[0]["error"] == {"code": "invalid_text", "message": "The item is a list. Send a string."}
    assert "label" in predictions[1]


def test_pairs_are_two_inputs_of_the_open_inference_protocol(tasks_client: TestClient) -> None:
    own = ask(tasks_client, "answers", [*PAIRS, ["a", " "]])
    names = [entry["name"] for entry in tasks_client.get("/v2/models/answers").json()["inputs"]]
    columns = zip(*PAIRS, ("a", " "), strict=True)
    tensors = [tensor(name, column) for name, column in zip(names, columns, strict=True)]
    outputs = tasks_client.post("/v2/models/answers/infer", json={"inputs": tensors}).json()["outputs"]
    assert outputs[0]["data"] == [item.get("label", "") for item in own]
    assert outputs[-1]["data"][-1].startswith("empty_text: ")
    alone = tasks_client.post("/v2/models/answers/infer", json={"inputs": tensors[:1]})
    assert (alone.status_code, alone.json()["code"]) == (400, "invalid_body")
    assert "no input 'text_pair'" in alone.json()["error"]


def test_several_labels_are_one_string_in_the_open_inference_protocol(tasks_client: TestClient) -> None:
    texts = [row.text for row in ROWS]
    outputs = tasks_client.post("/v2/models/topics/infer", json={"inputs": [tensor("text", texts)]}).json()["outputs"]
    assert outputs[0]["data"] == [item["label"] for item in ask(tasks_client, "topics", texts)]


def test_pairs_are_objects_or_lists_for_hugging_face(tasks_client: TestClient) -> None:
    first, second = PAIRS[0]
    inputs = [{"text": first, "text_pair": second}, [first, second], {"text": first}, {"text": first, "pair": second}]
    answer = tasks_client.post("/models/answers", json={"inputs": inputs}).json()
    assert answer[0][0]["label"] == answer[1][0]["label"] == ask(tasks_client, "answers", PAIRS[:1])[0]["label"]
    assert [entry["error"]["code"] for entry in answer[2:]] == ["invalid_text"] * 2
    alone = tasks_client.post("/models/answers", json={"inputs": inputs[0]}).json()
    assert [item["label"] for item in alone[0]] == [item["label"] for item in answer[0]]


def test_several_labels_have_sigmoid_scores_for_hugging_face(tasks_client: TestClient) -> None:
    for function, status in (("sigmoid", 200), ("softmax", 400)):
        body = {"inputs": ROWS[0].text, "parameters": {"function_to_apply": function}}
        assert tasks_client.post("/models/topics", json=body).status_code == status


def test_both_texts_and_all_labels_reach_the_ledger(
    tasks_client: TestClient, tasks_worker: Worker, config: Config
) -> None:
    ask(tasks_client, "answers", PAIRS)
    several = ask(tasks_client, "topics", [row.text for row in ROWS])
    assert flush(tasks_worker.recorder)
    ledger = open_ledger(config)
    rows = ledger.window("answers", "1", limit=9)
    assert [list(row.input) for row in rows] == PAIRS
    kept = ledger.window("topics", "1", limit=9)
    assert [row.label for row in kept] == [item["label"] for item in several]
    assert [row.score for row in kept] == pytest.approx([item["score"] for item in several])


def test_labels_are_accepted_as_a_string_or_as_a_list_and_may_be_empty(
    tasks_client: TestClient, config: Config
) -> None:
    keys = [item["id"] for item in ask(tasks_client, "topics", [row.text for row in ROWS])]
    given: list[object] = ["bug|billing", ["bug", "billing"], [], "|", "a new one", ["a new one", "bug"]]
    for key, value in zip(keys, given, strict=False):
        assert label(tasks_client, key, value) == 200
    labels = [row.label for row in open_ledger(config).labelled("topics")]
    assert labels == ["billing|bug", "billing|bug", "", "", "a new one", "a new one|bug"]


@pytest.mark.parametrize(
    ("model", "value", "words"),
    [
        ("answers", [], "0 were given"),
        ("answers", ["bug", "billing"], "2 were given"),
        ("topics", ["a|b"], "separates names"),
        ("topics", ["bug", 3], "is a number"),
        ("topics", ["bug", ""], "empty"),
        ("topics", [["bug"]], "is a list"),
        ("topics", ["bug"] * 201, "at most 200"),
        ("topics", "", "empty"),
        ("topics", {"bug": 1}, "is an object"),
    ],
)
def test_labels_that_the_model_cannot_have_are_refused(
    tasks_client: TestClient, config: Config, model: str, value: object, words: str
) -> None:
    key = ask(tasks_client, model, PAIRS if model == "answers" else [ROWS[0].text])[0]["id"]
    answer = tasks_client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": value}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_body")
    assert words in answer.json()["error"]["message"]
    assert open_ledger(config).labelled(model) == []


def test_metrics_count_each_label_and_answers_without_labels(tasks_client: TestClient) -> None:
    predictions = ask(tasks_client, "topics", [row.text for row in ROWS])
    page = tasks_client.get("/metrics").text
    for name in ("billing", "(none)"):
        wanted = sum(name in (item["labels"] or ["(none)"]) for item in predictions)
        assert f'retune_predictions_total{{label="{name}",model="topics"}} {wanted:.1f}' in page


def test_the_dashboard_shows_the_task_of_a_model(tasks_client: TestClient) -> None:
    topics, answers = (tasks_client.get(f"/dashboard/{model}").text for model in ("topics", "answers"))
    assert "any number a text" in topics
    assert "from 40.0 %" in topics
    assert "pairs of texts" in answers
    assert "pairs of texts" not in topics


def tensor(name: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"name": name, "datatype": "BYTES", "shape": [len(texts)], "data": texts}


def ask(client: TestClient, model: str, texts: Sequence[object]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.post("/predict", json={"texts": texts, "model": model}).json()["predictions"]
    return found


def label(client: TestClient, key: str, value: object) -> int:
    return client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": value}]}).status_code


def explained(client: TestClient, item: object, model: str) -> Any:
    body = {"texts": [item], "model": model, "explain": True}
    [prediction] = client.post("/predict", json=body).json()["predictions"]
    return prediction, prediction["explanation"]


def test_each_label_of_a_multi_label_answer_is_explained(tasks_client: TestClient) -> None:
    for row in ROWS:
        prediction, explanation = explained(tasks_client, row.text, "topics")
        likeliest = next(iter(prediction["scores"]))
        labels = set(prediction["labels"]) or {likeliest}
        assert all(set(part["weights"]) == labels for part in explanation["parts"])
        assert all(part["weight"] == part["weights"][explanation["label"]] for part in explanation["parts"])
        assert explanation["score"] == prediction["scores"][explanation["label"]]


def test_the_words_of_both_texts_of_a_pair_are_explained(tasks_client: TestClient) -> None:
    _, explanation = explained(tasks_client, PAIRS[0], "answers")
    shown = [part["text"] for part in explanation["parts"]]
    assert shown == [word for text in PAIRS[0] for word in str(text).split()]
    assert [PAIRS[0][part["of"]][part["start"] : part["end"]] for part in explanation["parts"]] == shown
    assert {part["of"] for part in explanation["parts"]} == {0, 1}
