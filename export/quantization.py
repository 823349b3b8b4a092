"""The fused graph with its linear layers in 8 bits, all scales fixed beforehand.

Dynamic quantization takes its scales from whatever is in the batch, so an answer depends on its
neighbours. Here they come from sample texts once (Jacob et al. 2018, arXiv 1712.05877). A few channels
of the layer norms are 30 times the others and would take the digits of all; so each channel is divided
by a factor first and its weights multiplied by it (Xiao et al. 2023, SmoothQuant, arXiv 2211.10438).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from core.engine import Encoded
from export.activations import Activation, observe
from export.graph import MICROSOFT

# Seven bits: ONNX Runtime documents that u8·s8 products may saturate at eight on CPUs without VNNI, and
# the same package would answer otherwise there.
WEIGHT_TOP = 63
# How much of a channel's width may go into the weights. Each activation takes what costs its layers
# least: on the tickets example the error of the logits is then 0.140, and 0.173 with 0.8 for all.
SMOOTHINGS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_TINY = 1e-8

Floats = NDArray[np.float32]


def write_static_int8(fused: Path, path: Path, sample: Sequence[Encoded]) -> int:
    """Write the quantized graph; returns how many linear layers are in 8 bits."""
    model = onnx.load(fused)
    weights = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer if _is_matrix(entry)}
    layers = [node for node in model.graph.node if _is_linear(node, weights)]
    fed: dict[str, list[NodeProto]] = {}
    for layer in layers:
        fed.setdefault(layer.input[0], []).append(layer)
    seen = observe(fused, sorted(fed), sample)
    steps = {name: _best_step(name, seen[name], [weights[layer.input[1]] for layer in fed[name]]) for name in fed}
    _replace(model, {layer.output[0]: _Linear(layer, steps[layer.input[0]], weights) for layer in layers})
    onnx.save(model, path)
    return len(layers)


def _is_matrix(entry: TensorProto) -> bool:
    return len(entry.dims) == 2 and entry.data_type == TensorProto.FLOAT


def _is_linear(node: NodeProto, matrices: dict[str, Floats]) -> bool:
    """A product with a constant float matrix: MatMul, or Attention without past or added bias."""
    is_attention = node.op_type == "Attention" and not any(node.input[4:])
    return (node.op_type == "MatMul" or is_attention) and node.input[1] in matrices


@dataclass(frozen=True)
class _Step:
    """How one activation becomes unsigned bytes: divided by `factors` (d,), then by `scale`, plus `zero`."""

    name: str
    factors: Floats
    scale: np.float32
    zero: np.uint8

    def nodes(self) -> Iterator[NodeProto]:
        smooth = f"{self.name}_smooth"
        yield helper.make_node("Mul", [self.name, f"{self.name}_factors"], [smooth])
        yield helper.make_node(
            "QuantizeLinear", [smooth, f"{self.name}_scale", f"{self.name}_zero"], [f"{self.name}_bytes"]
        )

    def tensors(self) -> Iterator[TensorProto]:
        yield numpy_helper.from_array((1 / self.factors).astype(np.float32), f"{self.name}_factors")
        yield numpy_helper.from_array(np.array(self.scale), f"{self.name}_scale")
        yield numpy_helper.from_array(np.array(self.zero), f"{self.name}_zero")


def _best_step(name: str, seen: Activation, weights: Sequence[Floats]) -> _Step:
    steps = [_step(name, seen, weights, smoothing) for smoothing in SMOOTHINGS]
    return min(steps, key=lambda step: sum(_squared_error(step, seen.rows, weight) for weight in weights))


def _step(name: str, seen: Activation, weights: Sequence[Floats], smoothing: float) -> _Step:
    widest = np.maximum(np.maximum(-seen.low, seen.high), _TINY)
    heaviest = np.maximum(np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0), _TINY)
    factors = (widest**smoothing / heaviest ** (1 - smoothing)).astype(np.float32)
    low, high = float((seen.low / factors).min()), float((seen.high / factors).max())
    scale = np.float32(max(high - low, _TINY) / 255)
    return _Step(name, factors, scale, np.uint8(np.clip(round(-low / scale), 0, 255)))


def _squared_error(step: _Step, rows: Floats, weight: Floats) -> float:
    """What 8 bits change in the layer's output of these rows."""
    zero = np.float32(step.zero)
    coarse = (np.clip(np.round(rows / step.factors / step.scale) + zero, 0, 255) - zero) * step.scale
    integers, scale = _integers(weight * step.factors[:, None])
    return float(np.sum((coarse @ (integers * scale) - rows @ weight) ** 2))


def _integers(weight: Floats) -> tuple[Floats, Floats]:
    """Symmetric, one scale (m,) an output column: (d, m) whole numbers up to `WEIGHT_TOP`, and the scales."""
    scale = (np.maximum(np.abs(weight).max(axis=0), _TINY) / WEIGHT_TOP).astype(np.float32)
    return np.clip(np.round(weight / scale), -WEIGHT_TOP, WEIGHT_TOP), scale


@dataclass(frozen=True)
class _Linear:
    """One layer in 8 bits, fed by `step`."""

    layer: NodeProto
    step: _Step
    weights: dict[str, Floats]

    def node(self) -> NodeProto:
        own, step = self.layer.output[0], self.step.name
        x, w = [f"{step}_bytes", f"{step}_scale", f"{step}_zero"], [f"{own}_w", f"{own}_w_scale", f"{own}_w_zero"]
        if self.layer.op_type == "MatMul":
            operator, inputs = "MatMulIntegerToFloat", [x[0], w[0], x[1], w[1], x[2], w[2]]
        else:
            bias, mask = [*self.layer.input[2:4], ""][:2]
            operator, inputs = "QAttention", [x[0], w[0], bias, x[1], w[1], mask, x[2], w[2]]
        node = helper.make_node(operator, inputs, list(self.layer.output), name=self.layer.name, domain=MICROSOFT)
        known = {"num_heads", "unidirectional", "do_rotary", "mask_filter_value"}
        node.attribute.extend(attribute for attribute in self.layer.attribute if attribute.name in known)
        return node

    def tensors(self) -> Iterator[TensorProto]:
        own = self.layer.output[0]
        integers, scale = _integers(self.weights[self.layer.input[1]] * self.step.factors[:, None])
        yield numpy_helper.from_array(integers.astype(np.int8), f"{own}_w")
        yield numpy_helper.from_array(scale, f"{own}_w_scale")
        yield numpy_helper.from_array(np.zeros(len(scale), dtype=np.int8), f"{own}_w_zero")


def _replace(model: ModelProto, linears: dict[str, _Linear]) -> None:
    """Put each layer, by its output's name, in the place of its original; drop the weights left unused."""
    nodes: list[NodeProto] = []
    tensors = list(model.graph.initializer)
    done: set[str] = set()
    for node in model.graph.node:
        linear = linears.get(node.output[0])
        if linear is None:
            nodes.append(node)
            continue
        if linear.step.name not in done:  # several layers may read one activation
            done.add(linear.step.name)
            nodes.extend(linear.step.nodes())
            tensors.extend(linear.step.tensors())
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
