"""JSON Schemas (2020-12) of the request and response bodies of the API routes."""

from __future__ import annotations

from core.feedback import MAX_SOURCE_CHARS
from service.fields import MAX_NAME_CHARS
from service.http.operator_schemas import operator_schemas
from service.http.protocols.feedback import MAX_LABEL_CHARS, MAX_LABELS, MAX_TOGETHER
from service.http.protocols.infer_answer import OUTPUTS
from service.http.protocols.infer_request import UNSUPPORTED
from service.http.route import Schema
from service.http.schema_parts import (
    BOOLEAN,
    COUNT,
    INTEGER,
    NAME,
    SCORE,
    TEXT,
    list_of,
    not_blank_of,
    object_of,
    open_of,
    ref,
)

EXAMPLES = ["I was charged twice", "The app crashes"]


def schemas(*, max_items: int, max_feedback: int, max_explained: int) -> Schema:
    """All schemas by their names, for `ref`."""
    return {
        **_own(max_items, max_explained),
        **_explanation(),
        **_feedback(max_feedback),
        **_hugging_face(max_items),
        **_open_inference(max_items),
        **operator_schemas(),
        "Error": object_of(error=object_of(code=TEXT, message=TEXT, request_id=TEXT)),
        "FlatError": object_of(error=TEXT, code=TEXT, request_id=TEXT),
    }


def _own(max_items: int, max_explained: int) -> Schema:
    # Without timeout_ms: a short timeout gives a 504, which tools that try all values report as a fault.
    request = object_of(
        optional=["model", "top_k", "explain"],
        texts=list_of(ref("Item"), min_items=1, max_items=max_items),
        model={**NAME, "type": ["string", "null"]},
        top_k=COUNT,
        explain={"type": ["boolean", "null"]} if max_explained else {"enum": [False, None]},
    )
    explained = {"properties": {"explain": {"const": True}}, "required": ["explain"]}
    few = {"properties": {"texts": {"maxItems": max(1, max_explained)}}}
    return {
        "PredictRequest": {**request, "if": explained, "then": few},
        "Item": {
            "description": "A text; for a model of pairs, a list of two texts. Each item is checked by itself: any "
            "other value gets an error in its place."
        },
        "Predictions": object_of(
            model=TEXT, version=TEXT, predictions=list_of({"oneOf": [ref("Prediction"), ref("ItemError")]})
        ),
        "Prediction": object_of(
            optional=["labels", "explanation"],  # of multi-label models; if it was asked for
            id=TEXT,
            label=TEXT,
            labels=list_of(TEXT),
            score=SCORE,
            scores={"type": "object", "additionalProperties": {"type": "number"}},
            truncated=BOOLEAN,
            all_unknown=BOOLEAN,
            abstained=BOOLEAN,
            explanation={"oneOf": [ref("Explanation"), ref("ItemError")]},
        ),
        "ItemError": object_of(error=object_of(code=TEXT, message=TEXT)),
    }


def _explanation() -> Schema:
    number: Schema = {"type": "number"}
    return {
        "Explanation": object_of(
            optional=["like", "compared"],  # for those who may label
            label=TEXT,
            score=SCORE,
            words_per_part=INTEGER,
            parts=list_of(ref("Part")),
            rows=INTEGER,
            like=list_of(ref("LabelledText")),
            compared=INTEGER,
        ),
        "Part": object_of(
            optional=["of", "weights"],  # of pairs; of multi-label models
            of={"enum": [0, 1]},
            text=TEXT,
            start=INTEGER,
            end=INTEGER,
            weight=number,
            weights={"type": "object", "additionalProperties": number},
        ),
        "LabelledText": object_of(
            optional=["pair"],
            text=TEXT,
            pair=TEXT,
            label=TEXT,
            similarity=number,
            origin={"enum": ["feedback", "given", "training"]},
        ),
    }


def _feedback(max_items: int) -> Schema:
    one = not_blank_of(MAX_NAME_CHARS)
    several = {
        "description": "Predictions whose texts a person saw and answered together",
        **list_of(one, min_items=1, max_items=MAX_TOGETHER),
    }
    return {
        "FeedbackRequest": object_of(feedback=list_of(ref("Feedback"), min_items=1, max_items=max_items)),
        "Feedback": {
            "oneOf": [ref("FeedbackLabel"), ref("FeedbackCannotTell"), ref("GroupLabel"), ref("GroupCannotTell")]
        },
        "FeedbackLabel": _label_of(prediction_id=one),
        "FeedbackCannotTell": _cannot_tell(prediction_id=one),
        "GroupLabel": _label_of(prediction_ids=several),
        "GroupCannotTell": _cannot_tell(prediction_ids=several),
        "Stored": object_of(
            accepted=INTEGER,
            cannot_tell=INTEGER,
            unknown=list_of(TEXT),
            doubtful=list_of(object_of(prediction_id=TEXT, resembles={"type": ["string", "null"]})),
        ),
    }


def _label_of(**predictions: Schema) -> Schema:
    label = not_blank_of(MAX_LABEL_CHARS)
    return object_of(
        optional=["source", "cannot_tell"],
        **predictions,
        cannot_tell={"const": False},
        label={
            "description": "A label; for a multi-label model also a list of labels, which may be empty",
            "oneOf": [label, list_of({**label, "not": {"pattern": r"\|"}}, max_items=MAX_LABELS)],
        },
        source=not_blank_of(MAX_SOURCE_CHARS),
    )


def _cannot_tell(**predictions: Schema) -> Schema:
    return object_of(
        optional=["source", "label"],
        **predictions,
        cannot_tell={"description": "Nobody can tell the label", "const": True},
        label={"type": "null"},
        source=not_blank_of(MAX_SOURCE_CHARS),
    )


def _hugging_face(max_items: int) -> Schema:
    functions = {"enum": ["softmax", "sigmoid", "none", None]}
    parameters = object_of(optional=["top_k", "function_to_apply"], top_k=COUNT, function_to_apply=functions)
    return {
        "InputsRequest": object_of(
            optional=["parameters", "options"],
            inputs={
                "description": "A text, `{text, text_pair}`, or a list of them, whose items are checked one by one.",
                "anyOf": [
                    TEXT,
                    object_of(optional=["text_pair"], text=TEXT, text_pair={"type": ["string", "null"]}),
                    list_of({}, min_items=1, max_items=max_items),
                ],
            },
            parameters={"oneOf": [parameters, {"type": "null"}]},
            options={"description": "Ignored; for the hosted service only."},
        ),
        "Scores": list_of({"oneOf": [list_of(object_of(label=TEXT, score=SCORE)), ref("ItemError")]}),
    }


def _open_inference(max_items: int) -> Schema:
    return {
        "Server": object_of(name=TEXT, version=TEXT, extensions=list_of(TEXT)),
        "Live": object_of(live={"const": True}),
        "Ready": object_of(ready={"const": True}),
        "ModelReady": object_of(name=TEXT, ready={"const": True}),
        "ModelMetadata": object_of(
            name=TEXT,
            versions=list_of(TEXT),
            platform=TEXT,
            inputs=list_of(ref("TensorMetadata")),
            outputs=list_of(ref("TensorMetadata")),
            parameters=object_of(labels=list_of(TEXT), kind={"enum": ["single-label", "multi-label"]}),
        ),
        "TensorMetadata": object_of(name=TEXT, datatype=TEXT, shape=list_of(INTEGER)),
        "InferRequest": open_of(
            optional=["id", "parameters", "outputs"],
            id={"type": ["string", "null"]},
            parameters=_parameters(binary_data_output=BOOLEAN),
            inputs=list_of(ref("InferInput"), min_items=1, max_items=2),
            outputs={"type": ["array", "null"], "items": ref("InferOutput")},
        ),
        "InferInput": open_of(
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
                **list_of({}, min_items=1, max_items=max_items),
            },
            parameters=_parameters(binary_data_size={"type": ["integer", "null"], "minimum": 0}),
        ),
        "InferOutput": open_of(
            optional=["parameters"], name={"enum": list(OUTPUTS)}, parameters=_parameters(binary_data=BOOLEAN)
        ),
        "InferAnswer": object_of(
            optional=["id"], model_name=TEXT, model_version=TEXT, id=TEXT, outputs=list_of(ref("OutputTensor"))
        ),
        "OutputTensor": object_of(
            optional=["data", "parameters"],
            name={"enum": list(OUTPUTS)},
            datatype={"enum": sorted(set(OUTPUTS.values()))},
            shape=list_of(INTEGER),
            data=list_of({"type": ["string", "number", "boolean"]}),
            parameters=object_of(binary_data_size=INTEGER),
        ),
    }


def _parameters(**known: Schema) -> Schema:
    return {"type": ["object", "null"], "properties": {**known, **dict.fromkeys(UNSUPPORTED, False)}}
