"""The OpenAPI document of the routes for programs; a test holds it to the routes and to real answers."""

from __future__ import annotations

from typing import Any

from service.requests import MAX_LABEL_CHARS, MAX_LABELS, MAX_NAME_CHARS, MAX_SOURCE_CHARS

API_VERSION = "0.1.0"

Schema = dict[str, Any]


def document(*, max_items: int) -> Schema:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Retune", "version": API_VERSION},
        "paths": {
            "/predict": {"post": _predict()},
            "/feedback": {"post": _feedback()},
            "/livez": {"get": _operation("Whether this worker lives", {"200": _json(_ref("Status")), "503": _ERROR})},
            "/readyz": {"get": _operation("Whether it can answer", {"200": _json(_ref("Status")), "503": _ERROR})},
            "/metrics": {"get": _operation("Prometheus metrics", {"200": _content("text/plain", {"type": "string"})})},
            "/openapi.json": {"get": _operation("This document", {"200": _json({"type": "object"})})},
            "/admin/models/{name}": {"get": _admin("How a model stands in every worker", "200", "Standing")},
            "/admin/models/{name}/retrain": {"post": _admin("Ask for a retrain", "202", "Job")},
        },
        "components": {"schemas": _schemas(max_items), "securitySchemes": _SECURITY},
    }


def _operation(summary: str, responses: Schema, **more: Any) -> Schema:
    return {"summary": summary, "responses": {**responses, "default": _ERROR}, **more}


def _predict() -> Schema:
    return _operation(
        "Answer texts",
        {
            "200": _json(_ref("Predictions")),
            **{status: _ERROR for status in ("400", "401", "403", "404", "408", "413", "415", "429", "503", "504")},
        },
        requestBody={"required": True, **_json(_ref("PredictRequest"))},
        security=_KEY_OR_OPEN,
    )


def _feedback() -> Schema:
    return _operation(
        "Store labels of predictions, durably",
        {
            "200": _json(_ref("Stored")),
            **{status: _ERROR for status in ("400", "401", "403", "404", "408", "413", "415", "429", "503", "504")},
        },
        requestBody={"required": True, **_json(_ref("FeedbackRequest"))},
        security=_KEY_OR_OPEN,
    )


def _admin(summary: str, status: str, schema: str) -> Schema:
    return _operation(
        summary,
        {status: _json(_ref(schema)), **{status: _ERROR for status in ("401", "403", "404", "429", "503")}},
        parameters=[{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
        security=_KEY_OR_OPEN,
    )


def _content(media_type: str, schema: Schema) -> Schema:
    return {"description": "", "content": {media_type: {"schema": schema}}}


def _json(schema: Schema) -> Schema:
    return _content("application/json", schema)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_ERROR: Schema = _json(_ref("Error"))
_SECURITY: Schema = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
# Open: to clients as long as there is no key file, to operators on a machine of their own.
_KEY_OR_OPEN: list[Schema] = [{"bearer": []}, {"header": []}, {}]


def _schemas(max_items: int) -> Schema:
    return {
        "PredictRequest": _object(
            {
                "texts": {"type": "array", "items": _ref("Item"), "minItems": 1, "maxItems": max_items},
                "model": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_NAME_CHARS},
                "top_k": {"type": ["integer", "null"], "minimum": 1},
            },
            required=["texts"],
        ),
        "Item": {
            "description": "A text, or, where the model answers pairs, both texts of one",
            "oneOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
            ],
        },
        "Predictions": _object(
            {
                "model": {"type": "string"},
                "version": {"type": "string"},
                "predictions": {"type": "array", "items": {"oneOf": [_ref("Prediction"), _ref("ItemError")]}},
            }
        ),
        "Prediction": _object(
            {
                "id": {"type": "string"},
                "label": {"type": "string"},
                # Only where a text may have several.
                "labels": {"type": "array", "items": {"type": "string"}},
                "score": {"type": "number", "minimum": 0, "maximum": 1},
                "scores": {"type": "object", "additionalProperties": {"type": "number"}},
                "truncated": {"type": "boolean"},
                "abstained": {"type": "boolean"},
            },
            required=["id", "label", "score", "scores", "truncated", "abstained"],
        ),
        "ItemError": _object({"error": _object({"code": {"type": "string"}, "message": {"type": "string"}})}),
        "FeedbackRequest": _object(
            {"feedback": {"type": "array", "items": _ref("Feedback"), "minItems": 1, "maxItems": max_items}}
        ),
        "Feedback": _object(
            {
                "prediction_id": _text(MAX_NAME_CHARS),
                "label": {
                    "description": "A label; where the model may give several, their names, none of them allowed",
                    "oneOf": [
                        _text(MAX_LABEL_CHARS),
                        {"type": "array", "items": _text(MAX_LABEL_CHARS), "maxItems": MAX_LABELS},
                    ],
                },
                "source": _text(MAX_SOURCE_CHARS),
            },
            required=["prediction_id", "label"],
        ),
        "Stored": _object({"accepted": {"type": "integer"}, "unknown": {"type": "array", "items": {"type": "string"}}}),
        "Status": _object({"status": {"type": "string"}}),
        "Job": _object({"job": {"type": "integer"}, "status": {"type": "string"}}),
        "Standing": _object(
            {
                "model": {"type": "string"},
                "champion": {"type": ["object", "null"]},
                "versions": {"type": "array", "items": {"type": "string"}},
                "workers": {"type": "array", "items": {"type": "object"}},
            }
        ),
        "Error": _object(
            {
                "error": _object(
                    {"code": {"type": "string"}, "message": {"type": "string"}, "request_id": {"type": "string"}}
                )
            }
        ),
    }


def _object(properties: Schema, *, required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _text(max_chars: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": max_chars}
