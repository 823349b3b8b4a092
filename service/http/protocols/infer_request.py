"""Requests of the Open Inference Protocol: JSON with its tensors, or with binary tensors after the JSON.

Unknown fields are ignored, because clients of this protocol send fields of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.answering.items import ItemError
from service.answering.predictor import PredictRequest
from service.fields import Fields, fields_in, integer_in, kind_of, require_at_most
from service.http.protocols.infer_answer import OUTPUTS, RequestedOutput
from service.refusals import InvalidBody

TEXT, PAIR = "text", "text_pair"
SHAPE = '{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["…"]}]}'
NOT_UTF8 = ItemError("invalid_text", "The text is not UTF-8. Encode it as UTF-8.")
# Extensions of the protocol that would change the response, so they cannot be ignored.
UNSUPPORTED = ("classification", "shared_memory_region")


@dataclass(frozen=True)
class InferRequest:
    """`id`: the client's request id, which is returned. `is_paired`: there is an input `text_pair`."""

    request: PredictRequest
    id: str | None
    is_paired: bool
    outputs: list[RequestedOutput]


def parse(body: bytes, *, json_bytes: str | None, model: str, version: str | None, max_items: int) -> InferRequest:
    """`json_bytes`: the header with the length of the JSON if binary tensors follow it."""
    length = _json_length(json_bytes, len(body))
    fields = fields_in(body[:length], known=("inputs", "outputs", "id", "parameters"), allows_others=True)
    tensors = _tensors(fields, body[length:], max_items)
    pairs = tensors.get(PAIR)
    texts = tensors[TEXT] if pairs is None else [list(pair) for pair in zip(tensors[TEXT], pairs, strict=True)]
    # Without scores of other labels: the outputs are made of the probabilities.
    request = PredictRequest(texts, model, version, top_k=1, field="inputs")
    return InferRequest(request, _id(fields), pairs is not None, _requested_outputs(fields))


def require_matching_kind(request: InferRequest, *, is_paired: bool) -> None:
    """Raise `InvalidBody` for single texts to a model of pairs, and for pairs to a model of single texts."""
    if request.is_paired and not is_paired:
        raise InvalidBody("The model answers single texts and there is an input 'text_pair'. Leave it out.")
    if is_paired and not request.is_paired:
        raise InvalidBody("The model answers pairs and there is no input 'text_pair'. Send both texts of each pair.")


def _json_length(header: str | None, size: int) -> int:
    if header is None:
        return size
    if not (header.isascii() and header.isdigit() and len(header) < 16 and int(header) <= size):
        raise InvalidBody(
            f"Inference-Header-Content-Length is not a length within the body of {size} bytes. "
            "Send the length of its JSON."
        )
    return int(header)


def _tensors(fields: Fields, tail: bytes, max_items: int) -> dict[str, list[Any]]:
    """The items of each input by its name. `tail`: the binary tensors, in the order of the inputs."""
    tensors: dict[str, list[Any]] = {}
    for entry in _entries(fields, "inputs"):
        name, rows = _name(entry), _rows(entry, max_items)
        if name in tensors:
            raise InvalidBody(f"Input {name!r} occurs twice. Send it once.")
        if (given := _parameters(entry).get("binary_data_size")) is None:
            items = _data(entry, name)
        else:
            size = _size(given, name, len(tail))
            items, tail = _packed(tail[:size], name), tail[size:]
        if len(items) != rows:
            raise InvalidBody(
                f"Input {name!r} has {len(items)} items and its shape says {rows}. Send as many as it says."
            )
        tensors[name] = items
    _require_whole(tensors, tail)
    return tensors


def _require_whole(tensors: Mapping[str, list[Any]], tail: bytes) -> None:
    if TEXT not in tensors:
        raise InvalidBody(f"There is no input 'text'. Send {SHAPE}.")
    if len({len(items) for items in tensors.values()}) > 1:
        raise InvalidBody("The inputs 'text' and 'text_pair' differ in their number of items. Send as many of each.")
    if tail:
        raise InvalidBody(f"{len(tail)} bytes at the end belong to no input. Give each its 'binary_data_size'.")


def _entries(fields: Fields, name: str) -> list[Fields]:
    entries = fields.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidBody(f"Field {name!r} is not a list of objects. Send {SHAPE}.")
    return entries


def _name(entry: Fields) -> str:
    name = entry.get("name")
    if name not in (TEXT, PAIR):
        raise InvalidBody(f"An input has an unknown name. Known: {TEXT}, {PAIR}.")
    if entry.get("datatype") != "BYTES":
        raise InvalidBody(f"The datatype of input {name!r} is not BYTES. Send strings as BYTES.")
    return str(name)


def _rows(entry: Fields, max_items: int) -> int:
    """The n of a shape [n] or [n, 1]."""
    match entry.get("shape"):
        case [size] | [size, 1] if (rows := integer_in(size)) is not None and rows >= 1:
            require_at_most(rows, "inputs", max_items)
            return rows
    raise InvalidBody(f"The shape of input {entry['name']!r} is not [n] or [n, 1]. Send the number of texts.")


def _parameters(entry: Fields) -> Fields:
    parameters = entry.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidBody(f"Field 'parameters' is {kind_of(parameters)}. Send an object.")
    if name := next((name for name in UNSUPPORTED if name in parameters), None):
        raise InvalidBody(f"Parameter {name!r} is not supported. Leave it out.")
    return parameters


def _data(entry: Fields, name: str) -> list[Any]:
    data = entry.get("data")
    if not isinstance(data, list):
        raise InvalidBody(f"Input {name!r} has neither 'data' nor 'binary_data_size'. Send a list as 'data'.")
    if len(entry["shape"]) == 2 and all(isinstance(item, list) and len(item) == 1 for item in data):
        return [item[0] for item in data]
    return data


def _packed(data: bytes, name: str) -> list[Any]:
    try:
        return [_decoded(item) for item in unpacked(data)]
    except struct.error as error:
        raise InvalidBody(f"The bytes of input {name!r} end within an item. Send each with its length.") from error


def unpacked(data: bytes) -> Iterator[bytes]:
    """The items of a BYTES tensor, see `infer_answer.packed`. Raises `struct.error` if it ends early.

    >>> list(unpacked(bytes([1, 0, 0, 0, 97, 0, 0, 0, 0])))
    [b'a', b'']
    """
    offset = 0
    while offset < len(data):
        (size,) = struct.unpack_from("<I", data, offset)
        offset += 4
        if offset + size > len(data):
            raise struct.error
        yield data[offset : offset + size]
        offset += size


def _decoded(item: bytes) -> str | ItemError:
    try:
        return item.decode()
    except UnicodeDecodeError:
        return NOT_UTF8


def _size(given: object, name: str, available: int) -> int:
    size = integer_in(given)
    if size is None or not 0 <= size <= available:
        raise InvalidBody(
            f"'binary_data_size' of input {name!r} is not a size within the {available} bytes after the JSON. "
            "Send Inference-Header-Content-Length and the right size."
        )
    return size


def _id(fields: Fields) -> str | None:
    given = fields.get("id")
    if given is not None and not isinstance(given, str):
        raise InvalidBody(f"Field 'id' is {kind_of(given)}. Send a string.")
    return given


def _requested_outputs(fields: Fields) -> list[RequestedOutput]:
    """The requested outputs; all outputs if the request names none."""
    binary = _flag(_parameters(fields), "binary_data_output", default=False)
    if not fields.get("outputs"):
        return [RequestedOutput(name, binary) for name in OUTPUTS]
    return [_output(entry, binary) for entry in _entries(fields, "outputs")]


def _output(entry: Fields, binary: bool) -> RequestedOutput:
    name = entry.get("name")
    if not isinstance(name, str) or name not in OUTPUTS:
        raise InvalidBody(f"An output has an unknown name. Known: {', '.join(OUTPUTS)}.")
    return RequestedOutput(name, _flag(_parameters(entry), "binary_data", default=binary))


def _flag(parameters: Fields, name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidBody(f"Parameter {name!r} is {kind_of(value)}. Send true or false.")
    return value
