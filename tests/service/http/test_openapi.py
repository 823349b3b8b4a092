from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from core.config import ServiceConfig
from service.http.openapi import document
from service.http.protocols.own import KNOWN
from service.http.route import PAGES
from service.worker import Worker
from tests.service.apps import all_routes

Schema = dict[str, Any]


def problem_with(value: object, schema: Schema, names: Schema) -> str | None:
    """The first part of `value` that the schema does not allow. Supports only the keywords of our document."""
    if "$ref" in schema:
        return problem_with(value, names[schema["$ref"].rpartition("/")[2]], names)
    if not schema or "const" in schema or "enum" in schema:
        return None if value in schema.get("enum", [schema.get("const", value)]) else f"{value} is another value"
    if "oneOf" in schema:
        fits = [option for option in schema["oneOf"] if problem_with(value, option, names) is None]
        return None if len(fits) == 1 else f"{value} fits {len(fits)} options"
    kinds = {"object": dict, "array": list, "string": str, "number": float, "integer": int, "boolean": bool}
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None and "null" in allowed:
        return None
    if not any(isinstance(value, kinds[kind]) for kind in allowed if kind != "null"):
        return f"{value!r} is not {allowed}"
    if isinstance(value, list):
        return next(filter(None, (problem_with(item, schema["items"], names) for item in value)), None)
    if isinstance(value, dict) and "properties" in schema:
        if missing := set(schema["required"]) - set(value):
            return f"{missing} missing"
        if surplus := set(value) - set(schema["properties"]):
            return f"{surplus} not documented"
        problems = (problem_with(item, schema["properties"][key], names) for key, item in value.items())
        return next(filter(None, problems), None)
    return None


def paths_of(worker: Worker) -> Schema:
    paths: Schema = document(all_routes(worker), worker.config.service)["paths"]
    return paths


def test_the_document_has_exactly_the_api_routes(worker: Worker) -> None:
    real = {(route.path, route.method.lower()) for route in all_routes(worker) if route.group is not PAGES}
    described = {(path, method) for path, methods in paths_of(worker).items() for method in methods}
    assert described == real


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "/predict", {"texts": ["my invoice", 7]}, "200"),
        ("post", "/predict", {"texts": ["my invoice", 7], "explain": True}, "200"),
        ("post", "/predict", {"texts": []}, "400"),
        ("post", "/predict", {"texts": ["a"], "model": "nope"}, "404"),
        ("post", "/feedback", {"feedback": [{"prediction_id": "a", "label": "b"}]}, "404"),
        ("get", "/livez", None, "200"),
        ("get", "/readyz", None, "200"),
        ("get", "/admin/models/{name}", None, "200"),
        ("post", "/admin/models/{name}/retrain", {}, "202"),
        ("get", "/admin/jobs", None, "200"),
    ],
)
def test_real_answers_are_as_documented(client: TestClient, method: str, path: str, body: object, status: str) -> None:
    spec = client.get("/openapi.json").json()
    answer = client.request(method, path.replace("{name}", "tickets"), json=body)
    assert str(answer.status_code) == status
    schema = spec["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    assert problem_with(answer.json(), schema, spec["components"]["schemas"]) is None


def test_real_jobs_are_as_documented(client: TestClient) -> None:
    client.post("/admin/models/tickets/retrain")
    spec = client.get("/openapi.json").json()
    for method, path in (("get", "/admin/jobs"), ("get", "/admin/jobs/{id}"), ("post", "/admin/jobs/{id}/cancel")):
        answer = client.request(method, path.replace("{id}", "1"))
        assert answer.status_code == 200
        schema = spec["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        assert problem_with(answer.json(), schema, spec["components"]["schemas"]) is None


def test_the_document_has_all_accepted_fields_but_the_deadline() -> None:
    schemas = document([], ServiceConfig())["components"]["schemas"]
    assert set(schemas["PredictRequest"]["properties"]) == set(KNOWN) - {"timeout_ms"}


def test_routes_with_a_scope_have_a_security_entry(worker: Worker) -> None:
    paths = paths_of(worker)
    described = {path: any("security" in method for method in methods.values()) for path, methods in paths.items()}
    needed = {route.path: route.scope is not None for route in all_routes(worker) if route.group is not PAGES}
    assert described == needed
