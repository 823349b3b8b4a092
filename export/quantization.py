"""The fused graph with its linear layers in 8 bits, all scales fixed beforehand.

Dynamic quantization takes its scales from whatever is in the batch, so an answer depends on its
neighbours. Here they come from sample texts once (Jacob et al. 2018, arXiv 1712.05877; `export.scales`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from core.engine import Encoded
from export.activations import observe
from export.graph import MICROSOFT
from export.norms import SKIP_NORM, split_norms
from export.scales import Floats, Step, best_step, integers

_ATTENTION, _BIAS_GELU = "Attention", "BiasGelu"
_KNOWN = {"num_heads", "unidirectional", "do_rotary", "mask_filter_value"}
"""What `QAttention` knows of an attention's attributes."""
_ADDED = {SKIP_NORM: 4, _BIAS_GELU: 1}
"""Fused nodes that add a bias to what a layer gives, by the place of that input."""


@dataclass(frozen=True)
class _Layer:
    """A linear layer of the graph: a product with `weight` (d, m), plus `bias` (m,) where there is one.

    An attention has its own bias; that of a plain product is added by the node of `reader`, which alone reads it.
    """

    node: NodeProto
    weight: Floats
    bias: Floats | None
    reader: str | None = None

    @property
    def is_attention(self) -> bool:
        return bool(self.node.op_type == _ATTENTION)

    def dividing_values(self, factors: Floats) -> _Layer:
        """An attention whose outputs, d channels, are divided by the factors: its values are, before being mixed."""
        every = np.ones(self.weight.shape[1], dtype=np.float32)
        every[-len(factors) :] = factors
        return replace(self, weight=self.weight / every, bias=None if self.bias is None else self.bias / every)


class StaticInt8:
    """A fused graph whose layers were observed on sample texts, to be written with some or all of them in 8 bits."""

    def __init__(self, fused: Path, sample: Sequence[Encoded]) -> None:
        self._model = onnx.load(fused)
        self._layers = _layers(self._model)
        self._seen = observe(fused, sorted({layer.node.input[0] for layer in self._layers.values()}), sample)
        self._steps: dict[tuple[frozenset[str], float], Step] = {}

    @property
    def layers(self) -> list[str]:
        """The linear layers by the names of their outputs."""
        return list(self._layers)

    def write(self, path: Path, *, covered: float = 1.0, keep: Collection[str] = ()) -> None:
        """All layers in 8 bits but those of `keep`; the bytes reach the share `covered` of the values observed."""
        layers = {name: layer for name, layer in self._layers.items() if name not in keep}
        fed: dict[str, list[str]] = {}
        for name, layer in layers.items():
            fed.setdefault(layer.node.input[0], []).append(name)
        inputs: dict[str, _Input] = {}
        for activation, names in fed.items():
            # What an attention gives is divided for nothing: its values' weights are.
            is_folded = (
                activation in layers and layers[activation].is_attention and self._is_only_read(activation, names)
            )
            step = self._step(activation, names, covered)
            inputs[activation] = _Input(activation, step, is_divided=is_folded)
            if is_folded:
                layers[activation] = layers[activation].dividing_values(step.factors)
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        _replace(model, {name: _Linear(layer, inputs[layer.node.input[0]]) for name, layer in layers.items()})
        split_norms(model.graph)
        onnx.save(model, path)

    def _is_only_read(self, activation: str, names: Sequence[str]) -> bool:
        readers = {node.output[0] for node in _readers(self._model, activation)}
        return readers == set(names) and activation not in {entry.name for entry in self._model.graph.output}

    def _step(self, activation: str, names: Sequence[str], covered: float) -> Step:
        """What suits the layers that it feeds; sought once."""
        key = frozenset(names), covered
        if key not in self._steps:
            weights = [self._layers[name].weight for name in names]
            self._steps[key] = best_step(self._seen[activation], weights, covered=covered)
        return self._steps[key]


def _layers(model: ModelProto) -> dict[str, _Layer]:
    tensors = {entry.name: entry for entry in model.graph.initializer}
    matrices = {
        name for name, entry in tensors.items() if len(entry.dims) == 2 and entry.data_type == TensorProto.FLOAT
    }
    layers: dict[str, _Layer] = {}
    absorbing: set[str] = set()
    for node in model.graph.node:
        if not _is_linear(node, matrices, tensors.keys()):
            continue
        bias, reader = (node.input[2], None) if node.op_type == _ATTENTION else _bias_read(model, node.output[0])
        if reader in absorbing or bias not in tensors:
            bias, reader = "", None
        absorbing |= {reader} if reader else set()
        weight = numpy_helper.to_array(tensors[node.input[1]])
        layers[node.output[0]] = _Layer(node, weight, numpy_helper.to_array(tensors[bias]) if bias else None, reader)
    return layers


def _is_linear(node: NodeProto, matrices: Collection[str], constants: Collection[str]) -> bool:
    """A product with a constant float matrix: MatMul, or an Attention that `QAttention` can stand for."""
    if node.op_type == _ATTENTION:
        is_plain = not any(node.input[4:]) and {attribute.name for attribute in node.attribute} <= _KNOWN
        return is_plain and node.input[1] in matrices and node.input[2] in constants
    return node.op_type == "MatMul" and node.input[1] in matrices


def _bias_read(model: ModelProto, output: str) -> tuple[str, str | None]:
    """The bias that the only reader of an output adds to it, and that reader by its own output."""
    readers = _readers(model, output)
    if len(readers) != 1 or readers[0].op_type not in _ADDED:
        return "", None
    place = _ADDED[readers[0].op_type]
    bias = readers[0].input[place] if len(readers[0].input) > place else ""
    return bias, readers[0].output[0]


def _readers(model: ModelProto, output: str) -> list[NodeProto]:
    return [node for node in model.graph.node if output in node.input]


@dataclass(frozen=True)
class _Input:
    """One activation on its way to bytes. `is_divided`: the factors were applied where it comes from."""

    name: str
    step: Step
    is_divided: bool

    def nodes(self) -> Iterator[NodeProto]:
        source = self.name
        if not self.is_divided:
            source = f"{self.name}_smooth"
            yield helper.make_node("Mul", [self.name, f"{self.name}_factors"], [source])
        yield helper.make_node("QuantizeLinear", [source, *self.quantized[1:]], [self.quantized[0]])

    @property
    def quantized(self) -> tuple[str, str, str]:
        """Bytes, their scale and their zero."""
        return f"{self.name}_bytes", f"{self.name}_scale", f"{self.name}_zero"

    def tensors(self) -> Iterator[TensorProto]:
        yield numpy_helper.from_array((1 / self.step.factors).astype(np.float32), f"{self.name}_factors")
        yield numpy_helper.from_array(np.array(self.step.scale), f"{self.name}_scale")
        yield numpy_helper.from_array(np.array(self.step.zero), f"{self.name}_zero")


@dataclass(frozen=True)
class _Linear:
    """One layer in 8 bits, and what feeds it."""

    layer: _Layer
    input: _Input

    def node(self) -> NodeProto:
        node = self.layer.node
        own = node.output[0]
        x, x_scale, x_zero = self.input.quantized
        w, w_scale, w_zero, bias = f"{own}_w", f"{own}_w_scale", f"{own}_w_zero", f"{own}_bias"
        if self.layer.bias is None:
            bias = ""
        if self.layer.is_attention:
            mask = [*node.input[3:4], ""][0]
            operator, inputs = "QAttention", [x, w, bias, x_scale, w_scale, mask, x_zero, w_zero]
        else:
            operator, inputs = "MatMulIntegerToFloat", [x, w, x_scale, w_scale, x_zero, w_zero, bias]
        made = helper.make_node(operator, inputs, list(node.output), name=node.name, domain=MICROSOFT)
        if self.layer.is_attention:
            made.attribute.extend(node.attribute)
        return made

    def tensors(self) -> Iterator[TensorProto]:
        own = self.layer.node.output[0]
        whole, scale = integers(self.layer.weight * self.input.step.factors[:, None])
        yield numpy_helper.from_array(whole.astype(np.int8), f"{own}_w")
        yield numpy_helper.from_array(scale, f"{own}_w_scale")
        yield numpy_helper.from_array(np.zeros(len(scale), dtype=np.int8), f"{own}_w_zero")
        if self.layer.bias is not None:
            yield numpy_helper.from_array(self.layer.bias.astype(np.float32), f"{own}_bias")


def _replace(model: ModelProto, linears: dict[str, _Linear]) -> None:
    """Put each layer, by its output's name, in the place of its original; drop the weights left unused."""
    relieved = {linear.layer.reader for linear in linears.values()}
    nodes: list[NodeProto] = []
    tensors = list(model.graph.initializer)
    done: set[str] = set()
    for node in model.graph.node:
        linear = linears.get(node.output[0])
        if linear is None:
            nodes.append(_without_bias(node) if node.output[0] in relieved else node)
            continue
        if linear.input.name not in done:  # several layers may read one activation
            done.add(linear.input.name)
            nodes.extend(linear.input.nodes())
            tensors.extend(linear.input.tensors())
        nodes.append(linear.node())
        tensors.extend(linear.tensors())
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        model.graph.name,
        model.graph.input,
        model.graph.output,
        [tensor for tensor in tensors if tensor.name in used],
    )
    model.graph.CopyFrom(graph)


def _without_bias(node: NodeProto) -> NodeProto:
    """A fused node whose bias its layer adds already."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    if node.op_type == _BIAS_GELU:
        made.op_type = "Gelu"
    del made.input[_ADDED[node.op_type] :]
    return made
