"""The OpenAPI document of the routes for programs; tests hold it to the routes and to real answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.http.schemas import TEXT, Schema, ref, schemas

API_VERSION = "0.1.0"
BODY_REFUSED = ("400", "401", "403", "404", "408", "413", "415")
UNAVAILABLE = ("429", "503", "504")
ADMIN_REFUSED = ("401", "403", "404", "429", "503")
CHANGE_REFUSED = (*ADMIN_REFUSED, "400", "408", "409", "413", "415", "504")


def document(*, max_items: int, max_feedback: int) -> Schema:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Retune", "version": API_VERSION},
        "paths": {
            **_for_clients(),
            **_open_inference(),
            **_for_probes(),
            **_for_operators(),
        },
        "components": {
            "schemas": schemas(max_items=max_items, max_feedback=max_feedback),
            "securitySchemes": _SECURITY,
        },
    }


def _for_clients() -> Schema:
    return {
        "/predict": {"post": _post("Answer texts", _taken("PredictRequest", {"texts": _EXAMPLES}), "Predictions")},
        "/models/{name}": {
            "post": _post(
                "Answer texts as Hugging Face's hosted models do",
                _taken("InputsRequest", {"inputs": _EXAMPLES}),
                "Scores",
                parameters=[_NAME],
            )
        },
        "/feedback": {"post": _post("Store labels of predictions, durably", _json("FeedbackRequest"), "Stored")},
    }


def _open_inference() -> Schema:
    return {
        "/v2": {"get": _v2("The server, by the Open Inference Protocol", "Server", security=_KEY_OR_OPEN)},
        "/v2/health/live": {"get": _v2("Whether this worker lives", "Live")},
        "/v2/health/ready": {"get": _v2("Whether it can answer", "Ready")},
        **_model_routes("/v2/models/{name}", "the champion", [_NAME]),
        **_model_routes("/v2/models/{name}/versions/{version}", "a version", [_NAME, _VERSION]),
    }


def _model_routes(path: str, what: str, parameters: list[Schema]) -> Schema:
    more = {"parameters": parameters, "security": _KEY_OR_OPEN}
    return {
        path: {"get": _v2(f"Inputs, outputs and labels of {what}", "ModelMetadata", **more)},
        f"{path}/ready": {"get": _v2(f"Whether {what} is in memory", "ModelReady", **more)},
        f"{path}/infer": {"post": _infer(f"Answer texts by {what}", [*parameters, _JSON_BYTES])},
    }


def _for_probes() -> Schema:
    return {
        "/livez": {"get": _operation("Whether this worker lives", {"200": _json("Status"), "503": _ERROR})},
        "/readyz": {"get": _operation("Whether it can answer", {"200": _json("Status"), "503": _ERROR})},
        "/metrics": {"get": _operation("Prometheus metrics", {"200": _content({"text/plain": TEXT})})},
        "/openapi.json": {"get": _operation("This document", {"200": _ANY_OBJECT})},
        "/docs.json": {"get": _operation("This document, where users of BentoML look", {"200": _ANY_OBJECT})},
        "/schema.json": {"get": _operation("What BentoML's client asks for first", {"200": _ANY_OBJECT})},
    }


def _for_operators() -> Schema:
    return {
        "/admin/models": {"get": _operator("How all models stand in every worker", "200", "Standings")},
        "/admin/models/{name}/promote": {
            "post": _admin(
                "Put a version in service",
                "200",
                "Promoted",
                takes=_taken("PromoteRequest", {"version": "1"}),
                refusals=CHANGE_REFUSED,
            )
        },
        "/admin/models/{name}/rollback": {
            "post": _admin("Put the champion before in service again", "200", "Promoted", refusals=CHANGE_REFUSED)
        },
        "/admin/models/{name}": {"get": _admin("How a model stands in every worker", "200", "Standing")},
        "/admin/models/{name}/retrain": {"post": _admin("Ask for a retrain", "202", "Job")},
    }


def _operation(summary: str, responses: Schema, **more: object) -> Schema:
    return {"summary": summary, "responses": {**responses, "default": _ERROR}, **more}


def _post(summary: str, takes: Schema, gives: str, **more: object) -> Schema:
    refusals = {status: _ERROR for status in (*BODY_REFUSED, *UNAVAILABLE)}
    body = {"required": True, **takes}
    return _operation(summary, {"200": _json(gives), **refusals}, requestBody=body, security=_KEY_OR_OPEN, **more)


def _v2(summary: str, gives: str, **more: object) -> Schema:
    refusals = {status: _FLAT_ERROR for status in ("401", "403", "404", "503", "default")}
    return {"summary": summary, "responses": {"200": _json(gives), **refusals}, **more}


def _infer(summary: str, parameters: list[Schema]) -> Schema:
    answer = _content({"application/json": ref("InferAnswer"), "application/octet-stream": {}})
    return {
        "summary": summary,
        "description": "With `binary_data` tensors follow the JSON as bytes, by the protocol's extension.",
        "parameters": parameters,
        "requestBody": {"required": True, **_taken("InferRequest", {"inputs": [_TENSOR]})},
        "responses": {
            "200": {**answer, "headers": {"Inference-Header-Content-Length": {"schema": {"type": "integer"}}}},
            **{status: _FLAT_ERROR for status in (*BODY_REFUSED, *UNAVAILABLE, "default")},
        },
        "security": _KEY_OR_OPEN,
    }


def _operator(
    summary: str, status: str, gives: str, *, refusals: Sequence[str] = ADMIN_REFUSED, **more: object
) -> Schema:
    responses = {status: _json(gives), **{status: _ERROR for status in refusals}}
    return _operation(summary, responses, security=_KEY_OR_OPEN, **more)


def _admin(summary: str, status: str, gives: str, *, takes: Schema | None = None, **more: Any) -> Schema:
    body: Schema = {"requestBody": {"required": True, **takes}} if takes else {}
    return _operator(summary, status, gives, parameters=[_NAME], **{**body, **more})


def _content(by_type: Schema) -> Schema:
    return {"description": "", "content": {media_type: {"schema": schema} for media_type, schema in by_type.items()}}


def _taken(name: str, example: Schema) -> Schema:
    content = _json(name)
    content["content"]["application/json"]["example"] = example
    return content


def _json(name: str) -> Schema:
    return _content({"application/json": ref(name)})


_EXAMPLES = ["I was charged twice", "The app crashes"]
_TENSOR = {"name": "text", "datatype": "BYTES", "shape": [2], "data": _EXAMPLES}
_ERROR, _FLAT_ERROR = _json("Error"), _json("FlatError")
_ANY_OBJECT = _content({"application/json": {"type": "object"}})
_SECURITY: Schema = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
# Open: to clients as long as there is no key file, to operators on a machine of their own.
_KEY_OR_OPEN: list[Schema] = [{"bearer": []}, {"header": []}, {}]
_NAME: Schema = {"name": "name", "in": "path", "required": True, "schema": TEXT}
_VERSION: Schema = {"name": "version", "in": "path", "required": True, "schema": TEXT}
_JSON_BYTES: Schema = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "description": "How many bytes of the body are JSON, where tensors follow it; left out: all.",
    "schema": {"type": "integer", "minimum": 0},
}
