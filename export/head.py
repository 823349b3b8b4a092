"""The head of a graph: read, exchanged, and left out of a digest.

Works on the bytes of the ONNX file: a worker then needs no package `onnx`, and all other bytes of a graph stay as they
are (docs/decisions/0012).
"""

from __future__ import annotations

import hashlib
import math
import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.arrays import Numbers
from core.errors import CorruptPackage, NoLinearHead
from export.wire import Field, bytes_field, fields, integer_field, prefix

WEIGHT, BIAS, LOGITS = "head.weight", "head.bias", "logits"
# Field numbers of onnx.proto.
MODEL_GRAPH, GRAPH_INITIALIZER, GRAPH_OUTPUT = 7, 5, 12
DIMS, DATA_TYPE, TENSOR_NAME, RAW_DATA = 1, 2, 8, 9
FLOAT = 1
VALUE_NAME = 1
TO_DIMENSIONS = (2, 1, 2)
"""From ValueInfoProto to its TensorShapeProto: type, tensor_type, shape."""
DIMENSION, DIMENSION_VALUE = 1, 1


@dataclass(frozen=True)
class GraphHead:
    """`weight` (k, d) and `bias` (k,), float32: embeddings (n, d) have the logits `embeddings @ weight.T + bias`."""

    weight: Numbers
    bias: Numbers


def read_head(graph: Path) -> GraphHead:
    """Raises `NoLinearHead` if the graph has none in float32 (`int8-dynamic` quantizes it), or `CorruptPackage`."""
    return _head_in(_read(graph), graph)


def exchange_head(source: Path, target: Path, *, weight: Numbers, bias: Numbers) -> None:
    """Write the graph with another head: `weight` (k, d), `bias` (k,), float32; k may differ from before.

    Raises `NoLinearHead` and writes nothing if the graph has none in float32, or `CorruptPackage`.
    """
    model = _read(source)
    _head_in(model, source)
    tensors = {WEIGHT: weight, BIAS: bias}
    written: list[bytes | memoryview] = []
    for part in model.graph:
        if part.name in tensors:
            written.append(bytes_field(GRAPH_INITIALIZER, _tensor_of(part.name, tensors[part.name])))
        elif part.name == LOGITS:
            written.append(bytes_field(GRAPH_OUTPUT, _with_classes(part.field.content, len(bias), TO_DIMENSIONS)))
        else:
            written.append(part.field.whole)
    with target.open("wb") as file:
        for field in model.fields:
            if field.number == MODEL_GRAPH:
                file.write(prefix(MODEL_GRAPH, sum(map(len, written))))
                file.writelines(written)
            else:
                file.write(field.whole)


def encoder_digest(graph: Path) -> str:
    """sha256 of the graph without its head: the same for graphs of which only the head differs.

    Raises `NoLinearHead` or `CorruptPackage`.
    """
    model = _read(graph)
    _head_in(model, graph)
    digest = hashlib.sha256()
    others = [field.whole for field in model.fields if field.number != MODEL_GRAPH]
    for content in (*others, *(part.field.whole for part in model.graph if not part.name)):
        digest.update(content)
    return digest.hexdigest()


@dataclass(frozen=True)
class _Part:
    """A field of the graph; `name`: of the head's weights or the output `logits`, "" for all others."""

    field: Field
    name: str


@dataclass(frozen=True)
class _Model:
    fields: list[Field]
    graph: list[_Part]


def _read(path: Path) -> _Model:
    try:
        with path.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        of_model = list(fields(content))
        inner = [field for message in of_model if message.number == MODEL_GRAPH for field in fields(message.content)]
        return _Model(of_model, [_Part(field, _name(field)) for field in inner])
    except ValueError as error:  # also mmap's, for an empty file
        raise CorruptPackage(path.parent, f"{path.name} is no ONNX file: {error}") from error


def _name(field: Field) -> str:
    place = {GRAPH_INITIALIZER: TENSOR_NAME, GRAPH_OUTPUT: VALUE_NAME}.get(field.number)
    if place is None:
        return ""
    name = next((inner.text for inner in fields(field.content) if inner.number == place), "")
    return name if name in ((WEIGHT, BIAS) if field.number == GRAPH_INITIALIZER else (LOGITS,)) else ""


def _head_in(model: _Model, graph: Path) -> GraphHead:
    found = {part.name: _values(part.field.content) for part in model.graph if part.name in (WEIGHT, BIAS)}
    weight, bias = found.get(WEIGHT), found.get(BIAS)
    if weight is None or bias is None:
        raise NoLinearHead(graph)
    return GraphHead(weight, bias)


def _values(tensor: memoryview) -> Numbers | None:
    """None unless it is a tensor of float32 in `raw_data`, as exporters write them."""
    inner = {field.number: field for field in fields(tensor)}
    shape = [size for field in fields(tensor) if field.number == DIMS for size in field.integers]
    if DATA_TYPE not in inner or inner[DATA_TYPE].integers != [FLOAT] or RAW_DATA not in inner:
        return None
    values = np.frombuffer(inner[RAW_DATA].content, dtype="<f4")
    return values.reshape(shape).copy() if len(values) == math.prod(shape) else None


def _tensor_of(name: str, values: Numbers) -> bytes:
    facts = [integer_field(DIMS, size) for size in values.shape] + [integer_field(DATA_TYPE, FLOAT)]
    raw = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return b"".join([*facts, bytes_field(TENSOR_NAME, name.encode()), bytes_field(RAW_DATA, raw)])


def _with_classes(message: memoryview, classes: int, path: tuple[int, ...]) -> bytes:
    """The output `logits` with its last dimension set to `classes`; `path` leads to the dimensions."""
    inner = list(fields(message))
    if path:
        changed = [
            bytes_field(field.number, _with_classes(field.content, classes, path[1:]))
            if field.number == path[0]
            else bytes(field.whole)
            for field in inner
        ]
    else:
        changed = [bytes(field.whole) for field in inner[:-1]]
        changed.append(bytes_field(DIMENSION, integer_field(DIMENSION_VALUE, classes)))
    return b"".join(changed)
