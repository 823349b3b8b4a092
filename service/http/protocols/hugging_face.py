"""The protocol of Hugging Face's hosted models: `{"inputs": "…"}` → `[[{"label", "score"}, …]]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.labels import Kind
from service.answering.items import ItemError
from service.answering.predictor import Predictions, PredictRequest, Result
from service.fields import count_in, fields_in, kind_of, object_in, require_at_most
from service.http.protocols.own import error_of
from service.refusals import InvalidBody, ItemRefused

# `options` is accepted and ignored: it controls the hosted service's cache and queue.
KNOWN = ("inputs", "parameters", "options")
PARAMETERS = ("top_k", "function_to_apply")
FUNCTIONS: dict[Kind, str] = {"single-label": "softmax", "multi-label": "sigmoid"}
SHAPE = '{"inputs": ["…"]}'

Scores = list[dict[str, Any]]


@dataclass(frozen=True)
class HuggingFaceRequest:
    """`is_single`: the input was not a list. `function`: the requested score function."""

    request: PredictRequest
    is_single: bool
    function: object


def parse(body: bytes, *, model: str, max_items: int) -> HuggingFaceRequest:
    fields = fields_in(body, known=KNOWN)
    inputs = _inputs(fields.get("inputs"), max_items)
    parameters = object_in(fields, "parameters", known=PARAMETERS)
    texts = [_item(entry) for entry in inputs]
    request = PredictRequest(texts, model, top_k=count_in(parameters, "top_k"), field="inputs")
    return HuggingFaceRequest(request, not isinstance(fields["inputs"], list), parameters.get("function_to_apply"))


def require_model_function(request: HuggingFaceRequest, kind: Kind) -> None:
    """Raise `InvalidBody` for a score function other than the model's: the model has scores of one function only."""
    if request.function not in (None, FUNCTIONS[kind]):
        raise InvalidBody(
            f"The model's scores come from {FUNCTIONS[kind]} and 'function_to_apply' asks for another function. "
            "Leave it out."
        )


def rendered(request: HuggingFaceRequest, predictions: Predictions) -> list[Scores | dict[str, Any]]:
    """The scores of each input, highest first, or its error.

    Raises `ItemRefused` if the request was one input instead of a list, and it has an error.
    """
    first = predictions.results[0]
    if request.is_single and isinstance(first, ItemError):
        raise ItemRefused(first.code, first.message)
    return [_rendered(result) for result in predictions.results]


def _rendered(result: Result) -> Scores | dict[str, Any]:
    if isinstance(result, ItemError):
        return error_of(result)
    return [{"label": label, "score": score} for label, score in result.answer["scores"].items()]


def _inputs(inputs: object, max_items: int) -> list[Any]:
    if isinstance(inputs, str | dict):
        return [inputs]
    if not isinstance(inputs, list) or not inputs:
        found = "an empty list" if isinstance(inputs, list) else kind_of(inputs)
        raise InvalidBody(f"Field 'inputs' is {found}. Send a text or a list of them: {SHAPE}.")
    require_at_most(len(inputs), "inputs", max_items)
    return inputs


def _item(entry: object) -> object:
    """`{"text", "text_pair"}` as a list of both texts; other values are returned unchanged and checked later."""
    if isinstance(entry, dict) and "text" in entry and entry.keys() <= {"text", "text_pair"}:
        return [entry["text"], entry["text_pair"]] if entry.get("text_pair") is not None else entry["text"]
    return entry
