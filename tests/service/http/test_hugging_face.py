"""Hugging Face's protocol: over plain HTTP, and with its own client and a real server."""

from __future__ import annotations

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from starlette.testclient import TestClient

from tests.service.http.test_openapi import problem_with
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(3, seed=13)]
PATH = "/models/tickets"


def ask(client: TestClient, inputs: object, **more: object) -> list[list[tuple[str, float]]]:
    answer = client.post(PATH, json={"inputs": inputs, **more}).json()
    return [[(item["label"], round(item["score"], 4)) for item in scores] for scores in answer]


def test_one_text_and_a_list_get_the_same_answers_as_predict(client: TestClient) -> None:
    own = client.post("/predict", json={"texts": TEXTS}).json()["predictions"]
    wanted = [[(label, round(score, 4)) for label, score in item["scores"].items()] for item in own]
    assert ask(client, TEXTS) == wanted
    assert ask(client, TEXTS[0]) == ask(client, {"text": TEXTS[0]}) == wanted[:1]
    assert ask(client, TEXTS[0], options={"use_cache": True}) == wanted[:1]


def test_top_k_bounds_the_labels(client: TestClient) -> None:
    answer = client.post(PATH, json={"inputs": TEXTS, "parameters": {"top_k": 2}}).json()
    assert [len(scores) for scores in answer] == [2, 2, 2]


def test_an_invalid_input_in_a_list_is_an_item_error(client: TestClient) -> None:
    answer = client.post(PATH, json={"inputs": [TEXTS[0], " ", 3]}).json()
    assert len(answer[0]) == 3
    assert answer[1] == {"error": {"code": "empty_text", "message": "The text is empty. Send at least one word."}}
    assert answer[2]["error"]["code"] == "invalid_text"


def test_a_single_invalid_input_is_400(client: TestClient) -> None:
    answer = client.post(PATH, json={"inputs": " "})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "empty_text")


def test_only_the_score_function_of_the_model_is_accepted(client: TestClient) -> None:
    for function, status in (("softmax", 200), (None, 200), ("sigmoid", 400), ("none", 400), ("tanh", 400), (3, 400)):
        body = {"inputs": TEXTS, "parameters": {"function_to_apply": function}}
        assert client.post(PATH, json=body).status_code == status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'inputs' is null"),
        ({"inputs": []}, "an empty list"),
        ({"inputs": 3}, "a number"),
        ({"inputs": ["a"] * 9}, "at most 8"),
        ({"inputs": "a", "top_k": 1}, "Unknown field 'top_k'"),
        ({"inputs": "a", "parameters": []}, "'parameters' is a list"),
        ({"inputs": "a", "parameters": {"temperature": 1}}, "Unknown field 'temperature'"),
        ({"inputs": "a", "parameters": {"top_k": 0}}, "not a count"),
    ],
)
def test_a_wrong_request_is_400_and_says_why(client: TestClient, body: object, words: str) -> None:
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_body")
    assert words in answer.json()["error"]["message"]


def test_an_unknown_model_is_404(client: TestClient) -> None:
    assert client.post("/models/nope", json={"inputs": TEXTS}).status_code == 404


def test_answers_are_as_documented(client: TestClient) -> None:
    spec = client.get("/openapi.json").json()
    answer = client.post(PATH, json={"inputs": [TEXTS[0], ""]}).json()
    names = spec["components"]["schemas"]
    assert problem_with(answer, names["Scores"], names) is None


def test_the_hugging_face_client_classifies(server: str) -> None:
    client = InferenceClient(f"{server}{PATH}")
    found = client.text_classification(TEXTS[0], top_k=2)
    assert len(found) == 2
    assert found[0].score >= found[1].score
    assert {item.label for item in found} <= {"billing", "bug", "how_to"}


def test_the_hugging_face_client_shows_our_message(server: str) -> None:
    with pytest.raises(HfHubHTTPError, match="The text is empty. Send at least one word"):
        InferenceClient(f"{server}{PATH}").text_classification(" ")
