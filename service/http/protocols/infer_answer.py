"""Responses of the Open Inference Protocol: a tensor for each output, in the JSON or as bytes after it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from service.answering.items import ItemError
from service.answering.predictor import Prediction, Predictions

OUTPUTS = {
    "label": "BYTES",
    "score": "FP32",
    "probabilities": "FP32",
    "id": "BYTES",
    "truncated": "BOOL",
    "all_unknown": "BOOL",
    "abstained": "BOOL",
    "error": "BYTES",
}
# Values for a text without a prediction; the output `error` has the reason.
PLACEHOLDERS: dict[str, Any] = {"label": "", "score": 0.0, "truncated": False, "all_unknown": False, "abstained": False}


@dataclass(frozen=True)
class RequestedOutput:
    name: str
    is_binary: bool


def rendered(
    predictions: Predictions, wanted: Sequence[RequestedOutput], *, request_id: str | None
) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON in bytes; None if the whole body is JSON."""
    served, tail = predictions.served, b""
    outputs: list[dict[str, Any]] = []
    for output in wanted:
        values = _column(output.name, predictions)
        tensor = {"name": output.name, "datatype": OUTPUTS[output.name], "shape": list(np.shape(values))}
        if output.is_binary:
            data = values.tobytes() if isinstance(values, np.ndarray) else packed(value.encode() for value in values)
            outputs.append({**tensor, "parameters": {"binary_data_size": len(data)}})
            tail += data
        else:
            outputs.append({**tensor, "data": values.ravel() if isinstance(values, np.ndarray) else values})
    echo = {} if request_id is None else {"id": request_id}
    answer = {"model_name": served.model, "model_version": served.version, **echo, "outputs": outputs}
    head = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return head + tail, len(head) if any(output.is_binary for output in wanted) else None


def _column(name: str, predictions: Predictions) -> list[str] | NDArray[Any]:
    """The (n,) values of an output, (n, k) for `probabilities`: strings in a list, numbers in an array."""
    results = predictions.results
    if name == "error":
        return [f"{result.code}: {result.message}" if isinstance(result, ItemError) else "" for result in results]
    if name == "id":
        return [result.id if isinstance(result, Prediction) else "" for result in results]
    if name == "probabilities":
        nothing = np.zeros(len(predictions.served.engine.labels), dtype=np.float32)
        return np.stack([result.probabilities if isinstance(result, Prediction) else nothing for result in results])
    values = [result.answer[name] if isinstance(result, Prediction) else PLACEHOLDERS[name] for result in results]
    if OUTPUTS[name] == "BYTES":
        return values
    return np.array(values, dtype=np.float32 if OUTPUTS[name] == "FP32" else np.bool_)


def packed(items: Iterable[bytes]) -> bytes:
    """A BYTES tensor: each item preceded by its length in four bytes.

    >>> packed([b"a", b""])
    b'\\x01\\x00\\x00\\x00a\\x00\\x00\\x00\\x00'
    """
    return b"".join(struct.pack("<I", len(item)) + item for item in items)
