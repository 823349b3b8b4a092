"""JSON Schemas (2020-12) of the request and response bodies of the API routes."""

from __future__ import annotations

from collections.abc import Sequence

from core.feedback import MAX_SOURCE_CHARS
from service.fields import MAX_COUNT, MAX_NAME_CHARS
from service.http.protocols.feedback import MAX_LABEL_CHARS, MAX_LABELS, MAX_TOGETHER
from service.http.protocols.infer_answer import OUTPUTS
from service.http.protocols.infer_request import UNSUPPORTED
from service.http.route import Schema

# No NUL, and at least one character that is not white space for Python.
NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085\ufeff][^\u0000]*$"
TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
COUNT: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_COUNT}
SCORE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
EXPECTED: Schema = {
    **NAME,
    "type": ["string", "null"],
    "description": "The champion now, null if there is none; another one is 409. Left out: whichever it is.",
}
EXAMPLES = ["I was charged twice", "The app crashes"]


def schemas(*, max_items: int, max_feedback: int) -> Schema:
    """All schemas by their names, for `ref`."""
    return {
        **_own(max_items),
        **_feedback(max_feedback),
        **_hugging_face(max_items),
        **_open_inference(max_items),
        **_operators(),
        "Error": _object(error=_object(code=TEXT, message=TEXT, request_id=TEXT)),
        "FlatError": _object(error=TEXT, code=TEXT, request_id=TEXT),
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _own(max_items: int) -> Schema:
    return {
        # Without timeout_ms: a short timeout gives a 504, which tools that try all values report as a fault.
        "PredictRequest": _object(
            optional=["model", "top_k"],
            texts=_list(ref("Item"), min_items=1, max_items=max_items),
            model={**NAME, "type": ["string", "null"]},
            top_k=COUNT,
        ),
        "Item": {
            "description": "A text; for a model of pairs, a list of two texts. Each item is checked by itself: any "
            "other value gets an error in its place."
        },
        "Predictions": _object(
            model=TEXT, version=TEXT, predictions=_list({"oneOf": [ref("Prediction"), ref("ItemError")]})
        ),
        "Prediction": _object(
            optional=["labels"],  # multi-label models only
            id=TEXT,
            label=TEXT,
            labels=_list(TEXT),
            score=SCORE,
            scores={"type": "object", "additionalProperties": {"type": "number"}},
            truncated=BOOLEAN,
            all_unknown=BOOLEAN,
            abstained=BOOLEAN,
        ),
        "ItemError": _object(error=_object(code=TEXT, message=TEXT)),
    }


def _feedback(max_items: int) -> Schema:
    one = _not_blank(MAX_NAME_CHARS)
    several = {
        "description": "Predictions whose texts a person saw and answered together",
        **_list(one, min_items=1, max_items=MAX_TOGETHER),
    }
    return {
        "FeedbackRequest": _object(feedback=_list(ref("Feedback"), min_items=1, max_items=max_items)),
        "Feedback": {
            "oneOf": [ref("FeedbackLabel"), ref("FeedbackCannotTell"), ref("GroupLabel"), ref("GroupCannotTell")]
        },
        "FeedbackLabel": _label_of(prediction_id=one),
        "FeedbackCannotTell": _cannot_tell(prediction_id=one),
        "GroupLabel": _label_of(prediction_ids=several),
        "GroupCannotTell": _cannot_tell(prediction_ids=several),
        "Stored": _object(
            accepted=INTEGER,
            cannot_tell=INTEGER,
            unknown=_list(TEXT),
            doubtful=_list(_object(prediction_id=TEXT, resembles={"type": ["string", "null"]})),
        ),
    }


def _label_of(**predictions: Schema) -> Schema:
    label = _not_blank(MAX_LABEL_CHARS)
    return _object(
        optional=["source", "cannot_tell"],
        **predictions,
        cannot_tell={"const": False},
        label={
            "description": "A label; for a multi-label model also a list of labels, which may be empty",
            "oneOf": [label, _list({**label, "not": {"pattern": r"\|"}}, max_items=MAX_LABELS)],
        },
        source=_not_blank(MAX_SOURCE_CHARS),
    )


def _cannot_tell(**predictions: Schema) -> Schema:
    return _object(
        optional=["source", "label"],
        **predictions,
        cannot_tell={"description": "Nobody can tell the label", "const": True},
        label={"type": "null"},
        source=_not_blank(MAX_SOURCE_CHARS),
    )


def _hugging_face(max_items: int) -> Schema:
    functions = {"enum": ["softmax", "sigmoid", "none", None]}
    parameters = _object(optional=["top_k", "function_to_apply"], top_k=COUNT, function_to_apply=functions)
    return {
        "InputsRequest": _object(
            optional=["parameters", "options"],
            inputs={
                "description": "A text, `{text, text_pair}`, or a list of them, whose items are checked one by one.",
                "anyOf": [
                    TEXT,
                    _object(optional=["text_pair"], text=TEXT, text_pair={"type": ["string", "null"]}),
                    _list({}, min_items=1, max_items=max_items),
                ],
            },
            parameters={"oneOf": [parameters, {"type": "null"}]},
            options={"description": "Ignored; for the hosted service only."},
        ),
        "Scores": _list({"oneOf": [_list(_object(label=TEXT, score=SCORE)), ref("ItemError")]}),
    }


def _open_inference(max_items: int) -> Schema:
    return {
        "Server": _object(name=TEXT, version=TEXT, extensions=_list(TEXT)),
        "Live": _object(live={"const": True}),
        "Ready": _object(ready={"const": True}),
        "ModelReady": _object(name=TEXT, ready={"const": True}),
        "ModelMetadata": _object(
            name=TEXT,
            versions=_list(TEXT),
            platform=TEXT,
            inputs=_list(ref("TensorMetadata")),
            outputs=_list(ref("TensorMetadata")),
            parameters=_object(labels=_list(TEXT), kind={"enum": ["single-label", "multi-label"]}),
        ),
        "TensorMetadata": _object(name=TEXT, datatype=TEXT, shape=_list(INTEGER)),
        "InferRequest": _open(
            optional=["id", "parameters", "outputs"],
            id={"type": ["string", "null"]},
            parameters=_parameters(binary_data_output=BOOLEAN),
            inputs=_list(ref("InferInput"), min_items=1, max_items=2),
            outputs={"type": ["array", "null"], "items": ref("InferOutput")},
        ),
        "InferInput": _open(
            optional=["data", "parameters"],
            name={"enum": ["text", "text_pair"]},
            datatype={"const": "BYTES"},
            shape={
                "description": "[n] or [n, 1]",
                "type": "array",
                "prefixItems": [{**INTEGER, "minimum": 1, "maximum": max_items}, {"const": 1}],
                "minItems": 1,
                "maxItems": 2,
            },
            data={
                "description": "n texts, or n lists of one text; left out if the texts follow the JSON as bytes",
                **_list({}, min_items=1, max_items=max_items),
            },
            parameters=_parameters(binary_data_size={"type": ["integer", "null"], "minimum": 0}),
        ),
        "InferOutput": _open(
            optional=["parameters"], name={"enum": list(OUTPUTS)}, parameters=_parameters(binary_data=BOOLEAN)
        ),
        "InferAnswer": _object(
            optional=["id"], model_name=TEXT, model_version=TEXT, id=TEXT, outputs=_list(ref("OutputTensor"))
        ),
        "OutputTensor": _object(
            optional=["data", "parameters"],
            name={"enum": list(OUTPUTS)},
            datatype={"enum": sorted(set(OUTPUTS.values()))},
            shape=_list(INTEGER),
            data=_list({"type": ["string", "number", "boolean"]}),
            parameters=_object(binary_data_size=INTEGER),
        ),
    }


def _operators() -> Schema:
    return {
        "Status": _object(optional=["warning"], status=TEXT, warning=TEXT),
        "Job": _object(job=INTEGER, status=TEXT),
        "JobState": _object(optional=(), **_JOB),
        "JobStates": _object(jobs=_list(ref("JobState"))),
        "JobStateAndLog": _object(optional=(), **_JOB, log=_list(_object(created_at=TEXT, level=TEXT, text=TEXT))),
        "ModelStatus": _object(
            model=TEXT, champion={"type": ["object", "null"]}, versions=_list(TEXT), workers=_list({"type": "object"})
        ),
        "ModelStatuses": _object(models=_list(ref("ModelStatus"))),
        "PromoteRequest": _object(optional=["expected"], version=NAME, expected=EXPECTED),
        "RollBackRequest": _object(optional=["expected"], expected=EXPECTED),
        "Promoted": _object(model=TEXT, version=TEXT, champion=TEXT),
    }


_JOB: dict[str, Schema] = {
    "job": INTEGER,
    "model": TEXT,
    "kind": TEXT,
    "status": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
    "stage": TEXT_OR_NULL,
    "share": NUMBER_OR_NULL,
    "left_s": NUMBER_OR_NULL,
    "worker_died": BOOLEAN,
    "cancel_requested_at": TEXT_OR_NULL,
    "error": TEXT_OR_NULL,
    "attempts": INTEGER,
    "created_at": TEXT,
    "started_at": TEXT_OR_NULL,
    "finished_at": TEXT_OR_NULL,
    "outcome": {"type": ["object", "null"]},
}


def _object(*, optional: Sequence[str] = (), **properties: Schema) -> Schema:
    return {**_open(optional=optional, **properties), "additionalProperties": False}


def _open(*, optional: Sequence[str] = (), **properties: Schema) -> Schema:
    """An object that may have unknown properties."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _parameters(**known: Schema) -> Schema:
    return {"type": ["object", "null"], "properties": {**known, **dict.fromkeys(UNSUPPORTED, False)}}


def _list(items: Schema, *, min_items: int = 0, max_items: int | None = None) -> Schema:
    bounds = {"minItems": min_items} if max_items is None else {"minItems": min_items, "maxItems": max_items}
    return {"type": "array", "items": items, **bounds}


def _not_blank(max_chars: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": max_chars, "pattern": NOT_BLANK}
