"""Invalid input over HTTP: the right status in the envelope, and never 500."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

JSON = {"Content-Type": "application/json"}

BODIES: list[tuple[str, bytes | str]] = [
    ("nothing", b""),
    ("no JSON", b"texts=hello"),
    ("half JSON", b'{"texts": ["a"'),
    ("not UTF-8", b'{"texts": ["\xff\xfe"]}'),
    ("a lone surrogate in a name", b'{"texts": ["a"], "\\ud800": 1}'),
    ("a lone surrogate as the model", b'{"texts": ["a"], "model": "\\ud800"}'),
    ("NaN", b'{"texts": ["a"], "top_k": NaN}'),
    ("infinity", b'{"texts": ["a"], "top_k": 1e999}'),
    ("a huge integer", '{"texts": ["a"], "top_k": ' + "9" * 5000 + "}"),
    ("deep nesting", b"[" * 9000),
    ("deep nesting in a field", b'{"texts": ' + b"[" * 4000 + b"]" * 4000 + b"}"),
    ("a list", b"[]"),
    ("a string", b'"texts"'),
    ("null", b"null"),
    ("a number", b"1"),
    ("no texts", b"{}"),
    ("texts null", b'{"texts": null}'),
    ("texts a string", b'{"texts": "hello"}'),
    ("texts an object", b'{"texts": {"0": "hello"}}'),
    ("texts empty", b'{"texts": []}'),
    ("too many texts", json.dumps({"texts": ["a"] * 9})),
    ("an unknown field", b'{"texts": ["a"], "text": "b"}'),
    ("an empty field name", b'{"texts": ["a"], "": 1}'),
    ("model a number", b'{"texts": ["a"], "model": 1}'),
    ("model empty", b'{"texts": ["a"], "model": ""}'),
    ("model too long", json.dumps({"texts": ["a"], "model": "m" * 1000})),
    ("top_k zero", b'{"texts": ["a"], "top_k": 0}'),
    ("top_k negative", b'{"texts": ["a"], "top_k": -1}'),
    ("top_k a float", b'{"texts": ["a"], "top_k": 1.5}'),
    ("top_k a boolean", b'{"texts": ["a"], "top_k": true}'),
    ("top_k a string", b'{"texts": ["a"], "top_k": "3"}'),
]

FEEDBACK: list[tuple[str, object]] = [
    ("no list", {"feedback": {}}),
    ("an empty list", {"feedback": []}),
    ("too many", {"feedback": [{"prediction_id": "a", "label": "b"}] * 9}),
    ("an item that is no object", {"feedback": ["a"]}),
    ("no id", {"feedback": [{"label": "bug"}]}),
    ("no label", {"feedback": [{"prediction_id": "a"}]}),
    ("an empty label", {"feedback": [{"prediction_id": "a", "label": "  "}]}),
    ("a label that is null", {"feedback": [{"prediction_id": "a", "label": None}]}),
    ("a label with NUL", {"feedback": [{"prediction_id": "a", "label": "b\0"}]}),
    ("a label too long", {"feedback": [{"prediction_id": "a", "label": "b" * 5000}]}),
    ("a source too long", {"feedback": [{"prediction_id": "a", "label": "b", "source": "c" * 65}]}),
    ("an id that is a number", {"feedback": [{"prediction_id": 1, "label": "b"}]}),
    ("an unknown field", {"feedback": [{"prediction_id": "a", "label": "b", "score": 1}]}),
]


@pytest.mark.parametrize("body", [body for _, body in BODIES], ids=[name for name, _ in BODIES])
def test_wrong_predict_body_is_400(client: TestClient, body: bytes | str) -> None:
    answer = client.post("/predict", content=body, headers=JSON)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_body"
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert error["message"].endswith(".")


@pytest.mark.parametrize("body", [body for _, body in FEEDBACK], ids=[name for name, _ in FEEDBACK])
def test_wrong_feedback_body_is_400(client: TestClient, body: object) -> None:
    answer = client.post("/feedback", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_body")


def test_no_error_message_contains_a_text(client: TestClient) -> None:
    for body in ({"texts": "my secret"}, {"feedback": "my secret"}):
        for path in ("/predict", "/feedback"):
            assert "secret" not in client.post(path, json=body).text


def test_a_lone_surrogate_is_an_item_error(client: TestClient) -> None:
    answer = client.post("/predict", content=b'{"texts": ["my invoice", "a \\ud800 b"]}', headers=JSON)
    first, second = answer.json()["predictions"]
    assert "label" in first
    assert second["error"]["code"] == "invalid_text"
    assert "surrogate" in second["error"]["message"]
