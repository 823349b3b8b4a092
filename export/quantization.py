"""Static quantization of the linear layers of the fused graph to 8 bits.

The scales are calibrated once on sample texts (Jacob et al. 2018, arXiv 1712.05877; `export.scales`). With dynamic
quantization the scales, and so the predictions, would depend on the other texts in the batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from core.arrays import Floats
from core.engine import Encoded
from core.progress import Step, go_on
from export.activations import collect_activations
from export.graph import MICROSOFT
from export.norms import SKIP_NORM, split_norms
from export.scales import ActivationQuantization, best_quantization, quantized_weight

_ATTENTION, _BIAS_GELU = "Attention", "BiasGelu"
_SUPPORTED_ATTRIBUTES = {"num_heads", "unidirectional", "do_rotary", "mask_filter_value"}
"""The attributes of `Attention` that `QAttention` supports."""
_BIAS_INPUTS = {SKIP_NORM: 4, _BIAS_GELU: 1}
"""Fused nodes that add a bias to the output of a layer, with the position of the bias among their inputs."""


@dataclass(frozen=True)
class _Layer:
    """A linear layer of the graph: a product with `weight` (d, m), plus an optional `bias` (m,).

    An attention node has its own bias. The bias of a MatMul is an input of the node with the output `consumer`.
    """

    node: NodeProto
    weight: Floats
    bias: Floats | None
    consumer: str | None = None

    @property
    def is_attention(self) -> bool:
        return bool(self.node.op_type == _ATTENTION)

    def with_divided_outputs(self, factors: Floats) -> _Layer:
        """An attention layer with outputs divided by `factors` (d,): its value weights are divided."""
        every = np.ones(self.weight.shape[1], dtype=np.float32)
        every[-len(factors) :] = factors
        return replace(self, weight=self.weight / every, bias=None if self.bias is None else self.bias / every)


class StaticInt8:
    """Writes a fused graph with some or all linear layers in 8 bits, calibrated on sample texts."""

    def __init__(self, fused: Path, sample: Sequence[Encoded], *, on_text: Step = go_on) -> None:
        self._model = onnx.load(fused)
        self._layers = _layers(self._model)
        self._seen = collect_activations(
            fused, sorted({layer.node.input[0] for layer in self._layers.values()}), sample, on_text=on_text
        )
        self._quantizations: dict[tuple[frozenset[str], float], ActivationQuantization] = {}

    @property
    def layers(self) -> list[str]:
        """The linear layers by the names of their outputs."""
        return list(self._layers)

    def write(self, path: Path, *, range_share: float = 1.0, exclude: Collection[str] = ()) -> None:
        """Write the graph with all layers except `exclude` in 8 bits.

        The 8-bit range of the activations covers the share `range_share` of the sampled values; the rest is clipped.
        """
        layers = {name: layer for name, layer in self._layers.items() if name not in exclude}
        layers_by_input: dict[str, list[str]] = {}
        for name, layer in layers.items():
            layers_by_input.setdefault(layer.node.input[0], []).append(name)
        inputs: dict[str, _Input] = {}
        for activation, names in layers_by_input.items():
            # The division of an attention output is folded into the value weights.
            is_folded = (
                activation in layers and layers[activation].is_attention and self._is_only_input_of(activation, names)
            )
            quantization = self._quantization(activation, names, range_share)
            inputs[activation] = _Input(activation, quantization, is_folded=is_folded)
            if is_folded:
                layers[activation] = layers[activation].with_divided_outputs(quantization.factors)
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        _replace(model, {name: _Linear(layer, inputs[layer.node.input[0]]) for name, layer in layers.items()})
        split_norms(model.graph)
        onnx.save(model, path)

    def _is_only_input_of(self, activation: str, names: Sequence[str]) -> bool:
        consumers = {node.output[0] for node in _consumers(self._model, activation)}
        return consumers == set(names) and activation not in {entry.name for entry in self._model.graph.output}

    def _quantization(self, activation: str, names: Sequence[str], range_share: float) -> ActivationQuantization:
        """The best quantization for the layers that read the activation, computed once."""
        key = frozenset(names), range_share
        if key not in self._quantizations:
            weights = [self._layers[name].weight for name in names]
            self._quantizations[key] = best_quantization(self._seen[activation], weights, range_share=range_share)
        return self._quantizations[key]


def _layers(model: ModelProto) -> dict[str, _Layer]:
    tensors = {entry.name: entry for entry in model.graph.initializer}
    matrices = {
        name for name, entry in tensors.items() if len(entry.dims) == 2 and entry.data_type == TensorProto.FLOAT
    }
    layers: dict[str, _Layer] = {}
    with_folded_bias: set[str] = set()
    for node in model.graph.node:
        if not _is_linear(node, matrices, tensors.keys()):
            continue
        bias, consumer = (node.input[2], None) if node.op_type == _ATTENTION else _consumed_bias(model, node.output[0])
        if consumer in with_folded_bias or bias not in tensors:
            bias, consumer = "", None
        with_folded_bias |= {consumer} if consumer else set()
        weight = numpy_helper.to_array(tensors[node.input[1]])
        layers[node.output[0]] = _Layer(node, weight, numpy_helper.to_array(tensors[bias]) if bias else None, consumer)
    return layers


def _is_linear(node: NodeProto, matrices: Collection[str], constants: Collection[str]) -> bool:
    """A MatMul with a constant float matrix, or an Attention that `QAttention` can replace."""
    if node.op_type == _ATTENTION:
        is_plain = not any(node.input[4:]) and {attribute.name for attribute in node.attribute} <= _SUPPORTED_ATTRIBUTES
        return is_plain and node.input[1] in matrices and node.input[2] in constants
    return node.op_type == "MatMul" and node.input[1] in matrices


def _consumed_bias(model: ModelProto, output: str) -> tuple[str, str | None]:
    """The bias that the only consumer of an output adds, and the output of that consumer; "" and None without one."""
    consumers = _consumers(model, output)
    if len(consumers) != 1 or consumers[0].op_type not in _BIAS_INPUTS:
        return "", None
    position = _BIAS_INPUTS[consumers[0].op_type]
    bias = consumers[0].input[position] if len(consumers[0].input) > position else ""
    return bias, consumers[0].output[0]


def _consumers(model: ModelProto, output: str) -> list[NodeProto]:
    return [node for node in model.graph.node if output in node.input]


@dataclass(frozen=True)
class _Input:
    """A quantized activation. `is_folded`: the division by the factors is folded into the layer that computes it."""

    name: str
    quantization: ActivationQuantization
    is_folded: bool

    def nodes(self) -> Iterator[NodeProto]:
        source = self.name
        if not self.is_folded:
            source = f"{self.name}_smooth"
            yield helper.make_node("Mul", [self.name, f"{self.name}_factors"], [source])
        yield helper.make_node("QuantizeLinear", [source, *self.quantized[1:]], [self.quantized[0]])

    @property
    def quantized(self) -> tuple[str, str, str]:
        """Names of the bytes, their scale and their zero point."""
        return f"{self.name}_bytes", f"{self.name}_scale", f"{self.name}_zero"

    def tensors(self) -> Iterator[TensorProto]:
        yield numpy_helper.from_array((1 / self.quantization.factors).astype(np.float32), f"{self.name}_factors")
        yield numpy_helper.from_array(np.array(self.quantization.scale), f"{self.name}_scale")
        yield numpy_helper.from_array(np.array(self.quantization.zero_point), f"{self.name}_zero")


@dataclass(frozen=True)
class _Linear:
    """A quantized layer and its quantized input."""

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
        integers, scale = quantized_weight(self.layer.weight * self.input.quantization.factors[:, None])
        yield numpy_helper.from_array(integers.astype(np.int8), f"{own}_w")
        yield numpy_helper.from_array(scale, f"{own}_w_scale")
        yield numpy_helper.from_array(np.zeros(len(scale), dtype=np.int8), f"{own}_w_zero")
        if self.layer.bias is not None:
            yield numpy_helper.from_array(self.layer.bias.astype(np.float32), f"{own}_bias")


def _replace(model: ModelProto, linears: dict[str, _Linear]) -> None:
    """Replace the layers, given by the names of their outputs, and remove unused weights."""
    bias_consumers = {linear.layer.consumer for linear in linears.values()}
    nodes: list[NodeProto] = []
    tensors = list(model.graph.initializer)
    quantized: set[str] = set()
    for node in model.graph.node:
        linear = linears.get(node.output[0])
        if linear is None:
            nodes.append(_without_bias(node) if node.output[0] in bias_consumers else node)
            continue
        if linear.input.name not in quantized:  # several layers may read one activation
            quantized.add(linear.input.name)
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
    """A fused node without the bias, which the quantized layer adds."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    if node.op_type == _BIAS_GELU:
        made.op_type = "Gelu"
    del made.input[_BIAS_INPUTS[node.op_type] :]
    return made
