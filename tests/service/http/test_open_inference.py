"""The Open Inference Protocol: over plain HTTP, and with Triton's client and a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from service.http.protocols.infer_answer import OUTPUTS, packed
from tests.service.http.test_openapi import problem_with
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(6, seed=12)]
INFER = "/v2/models/tickets/infer"


def tensor(texts: list[Any], name: str = "text", **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": "BYTES", "shape": [len(texts)], "data": texts, **more}


def infer(client: TestClient, texts: list[Any], **more: Any) -> dict[str, Any]:
    """The data of each output, by its name."""
    answer = client.post(INFER, json={"inputs": [tensor(texts)], **more})
    assert answer.status_code == 200, answer.text
    return {output["name"]: output["data"] for output in answer.json()["outputs"]}


def test_infer_gives_the_same_answers_as_predict(client: TestClient) -> None:
    own = client.post("/predict", json={"texts": TEXTS}).json()["predictions"]
    outputs = infer(client, TEXTS)
    assert list(outputs) == list(OUTPUTS)
    assert outputs["label"] == [prediction["label"] for prediction in own]
    assert outputs["score"] == pytest.approx([prediction["score"] for prediction in own], abs=1e-5)
    labels = client.get("/v2/models/tickets").json()["parameters"]["labels"]
    wanted = [prediction["scores"][label] for prediction in own for label in labels]
    assert outputs["probabilities"] == pytest.approx(wanted, abs=1e-5)


def test_feedback_accepts_the_ids_of_infer(client: TestClient) -> None:
    [key] = infer(client, TEXTS[:1])["id"]
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": "bug"}]})
    assert answer.json() == {"accepted": 1, "cannot_tell": 0, "unknown": [], "doubtful": []}


def test_the_output_error_says_why_a_text_has_no_answer(client: TestClient) -> None:
    outputs = infer(client, [TEXTS[0], " ", 3])
    assert outputs["error"] == [
        "",
        "empty_text: The text is empty. Send at least one word.",
        "invalid_text: The item is a number. Send a string.",
    ]
    assert outputs["label"][1:] == outputs["id"][1:] == ["", ""]
    assert outputs["score"][1:] == [0.0, 0.0]
    assert outputs["probabilities"][3:] == [0.0] * 6


def test_only_requested_outputs_and_the_request_id_are_returned(client: TestClient) -> None:
    body = {"inputs": [tensor(TEXTS)], "outputs": [{"name": "score"}, {"name": "label"}], "id": "order-7"}
    answer = client.post(INFER, json=body).json()
    assert [output["name"] for output in answer["outputs"]] == ["score", "label"]
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("order-7", "tickets", "1")


def test_shape_n_1_is_answered_like_shape_n(client: TestClient) -> None:
    for data in ([[text] for text in TEXTS], TEXTS):
        column = tensor(TEXTS, shape=[len(TEXTS), 1]) | {"data": data}
        answer = client.post(INFER, json={"inputs": [column]}).json()
        assert answer["outputs"][0]["data"] == infer(client, TEXTS)["label"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'inputs' is not a list"),
        ({"inputs": []}, "no input 'text'"),
        ({"inputs": ["text"]}, "'inputs' is not a list"),
        ({"inputs": [tensor(TEXTS, "words")]}, "unknown name"),
        ({"inputs": [tensor(TEXTS), tensor(TEXTS)]}, "twice"),
        ({"inputs": [tensor(TEXTS), tensor(TEXTS, "text_pair")]}, "answers single texts"),
        ({"inputs": [tensor(TEXTS), tensor(TEXTS[1:], "text_pair")]}, "differ"),
        ({"inputs": [tensor(TEXTS, datatype="FP32")]}, "not BYTES"),
        ({"inputs": [tensor(TEXTS, shape=[2])]}, "6 items and its shape says 2"),
        ({"inputs": [tensor(TEXTS, shape=[3, 2])]}, "not [n] or [n, 1]"),
        ({"inputs": [tensor(TEXTS, shape=[])]}, "not [n] or [n, 1]"),
        ({"inputs": [tensor([])]}, "not [n] or [n, 1]"),
        ({"inputs": [tensor(["a"] * 9)]}, "at most 8"),
        ({"inputs": [tensor(TEXTS, data="a")]}, "neither 'data'"),
        ({"inputs": [tensor(TEXTS, parameters=[])]}, "'parameters' is a list"),
        ({"inputs": [tensor(TEXTS, parameters={"binary_data_size": 8})]}, "not a size within the 0 bytes"),
        ({"inputs": [tensor(TEXTS, parameters={"shared_memory_region": "a"})]}, "not supported"),
        ({"inputs": [tensor(TEXTS)], "outputs": [{"name": "logits"}]}, "output has an unknown name"),
        ({"inputs": [tensor(TEXTS)], "outputs": "label"}, "'outputs' is not a list"),
        ({"inputs": [tensor(TEXTS)], "outputs": [{"name": "label", "parameters": {"classification": 1}}]}, "supported"),
        ({"inputs": [tensor(TEXTS)], "parameters": {"binary_data_output": 1}}, "Send true or false"),
        ({"inputs": [tensor(TEXTS)], "id": 7}, "'id' is a number"),
    ],
)
def test_a_wrong_request_is_400_and_says_why(client: TestClient, body: object, words: str) -> None:
    answer = client.post(INFER, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")
    assert words in answer.json()["error"]
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    ("length", "tail", "words"),
    [
        ("all", b"\x01\x00\x00\x00", "end within an item"),
        ("all", b"\x01\x00", "end within an item"),
        ("all", packed([b"a", b"b"]), "2 items and its shape says 1"),
        ("all", packed([b"a"]) + b"more", "belong to no input"),
        ("999999", b"", "not a length within"),
        ("-1", b"", "not a length within"),
        ("x", b"", "not a length within"),
        ("3", b"", "not JSON"),
    ],
)
def test_wrong_binary_data_is_400_and_says_why(client: TestClient, length: str, tail: bytes, words: str) -> None:
    size = len(tail.removesuffix(b"more"))
    entry = {"name": "text", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [entry]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)) if length == "all" else length}
    answer = client.post(INFER, content=head + tail, headers=headers)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_two_length_headers_are_refused(client: TestClient) -> None:
    body = json.dumps({"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}]}).encode()
    name = "Inference-Header-Content-Length"
    assert client.post(INFER, content=body, headers=[(name, str(len(body)))]).status_code == 200
    answer = client.post(INFER, content=body, headers=[(name, str(len(body))), (name, "3")])
    assert (answer.status_code, "not a length within" in answer.json()["error"]) == (400, True)


def test_a_text_that_is_not_utf8_is_an_item_error(client: TestClient) -> None:
    tail = packed([TEXTS[0].encode(), b"\xff\xfe"])
    entry = {"name": "text", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(tail)}}
    head = json.dumps({"inputs": [entry]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    outputs = {
        item["name"]: item for item in client.post(INFER, content=head + tail, headers=headers).json()["outputs"]
    }
    assert outputs["error"]["data"] == ["", "invalid_text: The text is not UTF-8. Encode it as UTF-8."]


def test_a_body_without_content_type_from_another_site_is_refused(client: TestClient) -> None:
    body = json.dumps({"inputs": [tensor(TEXTS)]})
    assert client.post(INFER, content=body).status_code == 200
    assert client.post(INFER, content=body, headers={"Origin": "https://example.org"}).status_code == 403


def test_a_version_that_is_not_in_memory_is_404_and_lists_loaded_versions(client: TestClient) -> None:
    for path in ("", "/ready"):
        assert client.get(f"/v2/models/tickets/versions/1{path}").status_code == 200
        answer = client.get(f"/v2/models/tickets/versions/2{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "version_not_loaded")
        assert "is not in memory. In memory: 1." in answer.json()["error"]
    body = {"inputs": [tensor(TEXTS)]}
    assert client.post("/v2/models/tickets/versions/2/infer", json=body).status_code == 404
    assert client.post("/v2/models/tickets/versions/1/infer", json=body).status_code == 200


def test_errors_below_v2_have_a_string_as_error(client: TestClient) -> None:
    for answer in (
        client.get("/v2/nothing"),
        client.get("/v2/models/nope"),
        client.get(INFER),
        client.post(INFER, data={"a": "b"}),
        client.post(INFER, content=b"x" * 10_001),
    ):
        assert answer.status_code >= 400
        assert isinstance(answer.json()["error"], str)
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_answers_are_as_documented(client: TestClient) -> None:
    spec = client.get("/openapi.json").json()
    answers = {
        "/v2": client.get("/v2"),
        "/v2/health/live": client.get("/v2/health/live"),
        "/v2/health/ready": client.get("/v2/health/ready"),
        "/v2/models/{name}": client.get("/v2/models/tickets"),
        "/v2/models/{name}/ready": client.get("/v2/models/tickets/ready"),
        "/v2/models/{name}/infer": client.post(INFER, json={"inputs": [tensor(TEXTS)]}),
    }
    for path, answer in answers.items():
        [operation] = spec["paths"][path].values()
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert problem_with(answer.json(), schema, spec["components"]["schemas"]) is None


@pytest.fixture
def triton(server: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(server.removeprefix("http://")) as client:
        yield client


def as_input(texts: list[str], *, binary: bool = True) -> InferInput:
    found = InferInput("text", [len(texts)], "BYTES")
    found.set_data_from_numpy(np.array(texts, dtype=np.object_), binary_data=binary)
    return found


def test_triton_client_finds_server_and_model(triton: InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("tickets")
    assert not triton.is_model_ready("tickets", "99")
    assert not triton.is_model_ready("nope")
    assert triton.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert triton.get_model_metadata("tickets")["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("answered", [True, False, None])
def test_triton_client_infers(triton: InferenceServerClient, server: str, sent: bool, answered: bool | None) -> None:
    outputs = None if answered is None else [InferRequestedOutput(name, binary_data=answered) for name in OUTPUTS]
    result = triton.infer("tickets", [as_input(TEXTS, binary=sent)], outputs=outputs, request_id="7")
    labels = [str(label, "utf-8") if isinstance(label, bytes) else label for label in result.as_numpy("label")]
    names = triton.get_model_metadata("tickets")["parameters"]["labels"]
    probabilities = result.as_numpy("probabilities")
    assert result.get_response()["id"] == "7"
    assert probabilities.shape == (len(TEXTS), 3)
    assert labels == [names[best] for best in probabilities.argmax(axis=1)]
    assert result.as_numpy("score") == pytest.approx(probabilities.max(axis=1))
    assert not result.as_numpy("truncated").any()


def test_triton_client_shows_our_message(triton: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match=r"^\[404\] .*'nope'.* Known: tickets"):
        triton.infer("nope", [as_input(TEXTS)])
    with pytest.raises(InferenceServerException, match=r"^\[415\] .* compressed"):
        triton.infer("tickets", [as_input(TEXTS)], request_compression_algorithm="deflate")


def test_triton_client_may_compress_by_gzip(triton: InferenceServerClient) -> None:
    result = triton.infer("tickets", [as_input(TEXTS)], request_compression_algorithm="gzip")
    assert len(result.as_numpy("label")) == len(TEXTS)
