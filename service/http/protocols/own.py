"""Our own protocol: `{"texts": [...]}` → `{"model", "version", "predictions": [...]}`."""

from __future__ import annotations

from typing import Any

from service.answering.items import ItemError
from service.answering.predictor import Predictions, PredictRequest
from service.fields import Fields, count_in, fields_in, items_in, name_in

KNOWN = ("texts", "model", "top_k", "timeout_ms")


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
    )


def rendered(predictions: Predictions) -> dict[str, Any]:
    return {
        "model": predictions.served.model,
        "version": predictions.served.version,
        "predictions": [
            error_of(result) if isinstance(result, ItemError) else {"id": result.id, **result.answer}
            for result in predictions.results
        ],
    }


def error_of(error: ItemError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message}}
