"""Our own protocol: `{"texts": [...]}` → `{"model", "version", "predictions": [...]}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.answering.items import ItemError
from service.answering.predictor import Predictions, PredictRequest
from service.fields import Fields, count_in, fields_in, flag_in, items_in, name_in
from service.refusals import InvalidBody

KNOWN = ("texts", "model", "top_k", "timeout_ms", "explain")


def parse(body: bytes, *, max_items: int) -> PredictRequest:
    return request_in(fields_in(body, known=KNOWN), max_items=max_items)


def request_in(fields: Fields, *, max_items: int) -> PredictRequest:
    texts = items_in(fields, "texts", '{"texts": ["…"]}', max_items)
    timeout_ms = count_in(fields, "timeout_ms")
    return PredictRequest(
        texts,
        name_in(fields, "model"),
        top_k=count_in(fields, "top_k"),
        timeout_s=timeout_ms / 1000 if timeout_ms is not None else None,
        explains=flag_in(fields, "explain"),
    )


def require_explainable(request: PredictRequest, *, most: int) -> None:
    """`most`: texts of an explained request. Raises `InvalidBody`."""
    if not most:
        raise InvalidBody(
            "Explanations are off: 'service.max_explained' is 0. Leave 'explain' out, or set it to false."
        )
    if len(request.texts) > most:
        raise InvalidBody(
            f"Field 'texts' has {len(request.texts)} items and 'explain' is true. Send at most {most} to be explained."
        )


def rendered(predictions: Predictions, explanations: Sequence[dict[str, Any] | None] | None = None) -> dict[str, Any]:
    """`explanations`: of each prediction, if they were asked for."""
    results = predictions.results
    answers = [
        error_of(result) if isinstance(result, ItemError) else {"id": result.id, **result.answer} for result in results
    ]
    for answer, explanation in zip(answers, explanations or [], strict=False):
        if explanation is not None:
            answer["explanation"] = explanation
    return {"model": predictions.served.model, "version": predictions.served.version, "predictions": answers}


def error_of(error: ItemError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message}}
