"""What goes in and comes out of the routes for programs, as JSON Schema (2020-12)."""

from __future__ import annotations

from service.fields import MAX_COUNT, MAX_NAME_CHARS
from service.http.protocols.feedback import MAX_LABEL_CHARS, MAX_LABELS, MAX_SOURCE_CHARS
from service.http.protocols.infer_answer import OUTPUTS
from service.http.route import Schema

# Without a NUL, and something that is no white space (as Python sees it) first of all.
NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085\ufeff][^\u0000]*$"
TEXT: Schema = {"type": "string"}
EXAMPLES = ["I was charged twice", "The app crashes"]


def schemas(*, max_items: int, max_feedback: int) -> Schema:
    """By the names that `ref` points to."""
    return {
        **_own(max_items),
        **_feedback(max_feedback),
        **_hugging_face(max_items),
        **_open_inference(max_items),
        **_operators(),
        "Error": _object({"error": _object({"code": TEXT, "message": TEXT, "request_id": TEXT})}),
        "FlatError": _object({"error": TEXT, "code": TEXT, "request_id": TEXT}),
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _own(max_items: int) -> Schema:
    return {
        "PredictRequest": _object(
            {
                "texts": _list(ref("Item"), min_items=1, max_items=max_items),
                "model": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_NAME_CHARS},
                "top_k": _COUNT,
                # Not timeout_ms: a deadline that passes is a 504, which tools that try every value take for a fault.
            },
            required=["texts"],
        ),
        "Item": {
            "description": "A text, or, where the model answers pairs, a list of both texts of one. "
            "Each item is judged by itself: any other value has an error in its place."
        },
        "Predictions": _object(
            {
                "model": TEXT,
                "version": TEXT,
                "predictions": _list({"oneOf": [ref("Prediction"), ref("ItemError")]}),
            }
        ),
        "Prediction": _object(
            {
                "id": TEXT,
                "label": TEXT,
                # Only where a text may have several.
                "labels": _list(TEXT),
                "score": _SCORE,
                "scores": {"type": "object", "additionalProperties": {"type": "number"}},
                "truncated": {"type": "boolean"},
                "abstained": {"type": "boolean"},
            },
            required=["id", "label", "score", "scores", "truncated", "abstained"],
        ),
        "ItemError": _object({"error": _object({"code": TEXT, "message": TEXT})}),
    }


def _feedback(max_items: int) -> Schema:
    return {
        "FeedbackRequest": _object({"feedback": _list(ref("Feedback"), min_items=1, max_items=max_items)}),
        "Feedback": _object(
            {
                "prediction_id": _not_blank(MAX_NAME_CHARS),
                "label": {
                    "description": "A label; where the model may give several, their names, none of them allowed",
                    "oneOf": [
                        _not_blank(MAX_LABEL_CHARS),
                        _list({**_not_blank(MAX_LABEL_CHARS), "not": {"pattern": r"\|"}}, max_items=MAX_LABELS),
                    ],
                },
                "source": _not_blank(MAX_SOURCE_CHARS),
            },
            required=["prediction_id", "label"],
        ),
        "Stored": _object({"accepted": {"type": "integer"}, "unknown": _list(TEXT)}),
    }


def _hugging_face(max_items: int) -> Schema:
    return {
        "InputsRequest": _object(
            {
                "inputs": {
                    "description": "A text, or `{text, text_pair}`, or a list of them; in a list each is judged "
                    "by itself.",
                    "anyOf": [
                        TEXT,
                        _object({"text": TEXT, "text_pair": {"type": ["string", "null"]}}, required=["text"]),
                        _list({}, min_items=1, max_items=max_items),
                    ],
                },
                "parameters": _or_null(
                    _object(
                        {
                            "top_k": _COUNT,
                            "function_to_apply": {"enum": ["softmax", "sigmoid", "none", None]},
                        },
                        required=[],
                    )
                ),
                "options": {"description": "Ignored; it steers the hosted service."},
            },
            required=["inputs"],
        ),
        "Scores": _list({"oneOf": [_list(_object({"label": TEXT, "score": _SCORE})), ref("ItemError")]}),
    }


def _open_inference(max_items: int) -> Schema:
    return {
        "Server": _object({"name": TEXT, "version": TEXT, "extensions": _list(TEXT)}),
        "Live": _object({"live": {"const": True}}),
        "Ready": _object({"ready": {"const": True}}),
        "ModelReady": _object({"name": TEXT, "ready": {"const": True}}),
        "ModelMetadata": _object(
            {
                "name": TEXT,
                "versions": _list(TEXT),
                "platform": TEXT,
                "inputs": _list(ref("TensorMetadata")),
                "outputs": _list(ref("TensorMetadata")),
                "parameters": _object({"labels": _list(TEXT), "kind": {"enum": ["single-label", "multi-label"]}}),
            }
        ),
        "TensorMetadata": _object({"name": TEXT, "datatype": TEXT, "shape": _list({"type": "integer"})}),
        "InferRequest": _open(
            {
                "id": {"type": ["string", "null"]},
                "parameters": _parameters({"binary_data_output": {"type": "boolean"}}),
                "inputs": _list(ref("InferInput"), min_items=1, max_items=2),
                "outputs": {"type": ["array", "null"], "items": ref("InferOutput")},
            },
            required=["inputs"],
        ),
        "InferInput": _open(
            {
                "name": {"enum": ["text", "text_pair"]},
                "datatype": {"const": "BYTES"},
                "shape": {
                    "description": "[n] or [n, 1]",
                    "type": "array",
                    "prefixItems": [{"type": "integer", "minimum": 1, "maximum": max_items}, {"const": 1}],
                    "minItems": 1,
                    "maxItems": 2,
                },
                "data": {
                    "description": "n texts, or lists of one each; left out where they follow the JSON as bytes",
                    **_list({}, min_items=1, max_items=max_items),
                },
                "parameters": _parameters({"binary_data_size": {"type": ["integer", "null"], "minimum": 0}}),
            },
            required=["name", "datatype", "shape"],
        ),
        "InferOutput": _open(
            {"name": {"enum": list(OUTPUTS)}, "parameters": _parameters({"binary_data": {"type": "boolean"}})},
            required=["name"],
        ),
        "InferAnswer": _object(
            {"model_name": TEXT, "model_version": TEXT, "id": TEXT, "outputs": _list(ref("OutputTensor"))},
            required=["model_name", "model_version", "outputs"],
        ),
        "OutputTensor": _object(
            {
                "name": {"enum": list(OUTPUTS)},
                "datatype": {"enum": sorted(set(OUTPUTS.values()))},
                "shape": _list({"type": "integer"}),
                "data": _list({"type": ["string", "number", "boolean"]}),
                "parameters": _object({"binary_data_size": {"type": "integer"}}),
            },
            required=["name", "datatype", "shape"],
        ),
    }


def _operators() -> Schema:
    return {
        "Status": _object({"status": TEXT}),
        "Job": _object({"job": {"type": "integer"}, "status": TEXT}),
        "ModelStatus": _object(
            {
                "model": TEXT,
                "champion": {"type": ["object", "null"]},
                "versions": _list(TEXT),
                "workers": _list({"type": "object"}),
            }
        ),
        "ModelStatuses": _object({"models": _list(ref("ModelStatus"))}),
        "PromoteRequest": _object({"version": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS}}),
        "Promoted": _object({"model": TEXT, "version": TEXT, "champion": TEXT}),
    }


_COUNT: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_COUNT}
_SCORE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def _object(properties: Schema, *, required: list[str] | None = None) -> Schema:
    return {**_open(properties, required=required), "additionalProperties": False}


def _open(properties: Schema, *, required: list[str] | None = None) -> Schema:
    """An object that may hold more than is known."""
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names}


def _parameters(known: Schema) -> Schema:
    refused = {name: False for name in ("classification", "shared_memory_region")}
    return {"type": ["object", "null"], "properties": {**known, **refused}}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def _list(items: Schema, *, min_items: int = 0, max_items: int | None = None) -> Schema:
    bounds = {"minItems": min_items} if max_items is None else {"minItems": min_items, "maxItems": max_items}
    return {"type": "array", "items": items, **bounds}


def _not_blank(max_chars: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": max_chars, "pattern": NOT_BLANK}
