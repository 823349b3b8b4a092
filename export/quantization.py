"""The fused graph with its linear layers in 8 bits, scales fixed beforehand.

Dynamic quantization takes a scale from whatever is in the batch, so an answer depends on its
neighbours. Here each activation's range comes from sample texts once (Jacob et al. 2018,
arXiv 1712.05877), and an answer is the same in any batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from core.cpu import available_cpus
from core.engine import Encoded

MICROSOFT = "com.microsoft"
# Seven bits: without VNNI the u8·s8 products of AVX2 saturate at eight, and the same package would
# answer otherwise on another CPU. On banking77 it costs nothing (99.2 % of labels kept, 98.8 % at 8).
WEIGHT_TOP = 63
Ranges = dict[str, tuple[float, float]]


def write_static_int8(fused: Path, path: Path, sample: Sequence[Encoded]) -> int:
    """Write the quantized graph; returns how many linear layers are in 8 bits."""
    model = onnx.load(fused)
    layers = list(_linear_layers(model))
    ranges = _activation_ranges(fused, sorted({layer.input[0] for layer in layers}), sample)
    rewrite = _Rewrite(model, ranges)
    rewrite.replace(layers)
    onnx.save(model, path)
    return len(layers)


def _linear_layers(model: ModelProto) -> Iterator[NodeProto]:
    """Products with a constant float matrix: MatMul, and Attention without past or bias tensors."""
    matrices = {
        tensor.name
        for tensor in model.graph.initializer
        if len(tensor.dims) == 2 and tensor.data_type == TensorProto.FLOAT
    }
    for node in model.graph.node:
        is_plain_attention = node.op_type == "Attention" and not any(node.input[4:])
        if (node.op_type == "MatMul" or is_plain_attention) and node.input[1] in matrices:
            yield node


def _activation_ranges(graph: Path, names: Sequence[str], sample: Sequence[Encoded]) -> Ranges:
    """Least and largest value of each named tensor over the sample, zero included."""
    model = onnx.load(graph)
    inputs = [entry.name for entry in model.graph.input]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = ort.SessionOptions()
    options.intra_op_num_threads = available_cpus()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ranges: Ranges = dict.fromkeys(names, (0.0, 0.0))
    for encoded in sample:
        # One text at a time: padding would widen the ranges with values that no answer uses.
        given = _feed(encoded)
        for name, values in zip(names, session.run(list(names), {key: given[key] for key in inputs}), strict=True):
            low, high = ranges[name]
            ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return ranges


def _feed(encoded: Encoded) -> dict[str, NDArray[np.int64]]:
    ids = np.array([encoded.ids], dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


@dataclass
class _Rewrite:
    """A graph whose linear layers are being replaced; activations that several share are quantized once."""

    model: ModelProto
    ranges: Ranges

    def replace(self, layers: Sequence[NodeProto]) -> None:
        chosen = {layer.output[0] for layer in layers}
        nodes: list[NodeProto] = []
        quantized: set[str] = set()
        for node in list(self.model.graph.node):
            if not chosen & set(node.output):
                nodes.append(node)
                continue
            if node.input[0] not in quantized:
                quantized.add(node.input[0])
                nodes.append(self._quantize(node.input[0]))
            self._add_weight(node.input[1])
            nodes.append(_attention(node) if node.op_type == "Attention" else _product(node))
        del self.model.graph.node[:]
        self.model.graph.node.extend(nodes)
        self._drop_unused()
        if MICROSOFT not in {entry.domain for entry in self.model.opset_import}:
            self.model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))

    def _quantize(self, name: str) -> NodeProto:
        low, high = self.ranges[name]
        scale = np.float32(max(high - low, 1e-8) / 255)
        self._add(f"{name}_scale", np.array(scale, dtype=np.float32))
        self._add(f"{name}_zero", np.array(np.clip(round(-low / scale), 0, 255), dtype=np.uint8))
        return helper.make_node("QuantizeLinear", [name, f"{name}_scale", f"{name}_zero"], [f"{name}_int8"])

    def _add_weight(self, name: str) -> None:
        """Symmetric, one scale an output column."""
        weight = next(numpy_helper.to_array(entry) for entry in self.model.graph.initializer if entry.name == name)
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-12).astype(np.float32) / np.float32(WEIGHT_TOP)
        self._add(f"{name}_int8", np.clip(np.round(weight / scale), -WEIGHT_TOP, WEIGHT_TOP).astype(np.int8))
        self._add(f"{name}_scale", scale)
        self._add(f"{name}_zero", np.zeros(len(scale), dtype=np.int8))

    def _add(self, name: str, values: NDArray[np.generic]) -> None:
        if all(entry.name != name for entry in self.model.graph.initializer):
            self.model.graph.initializer.append(numpy_helper.from_array(values, name))

    def _drop_unused(self) -> None:
        used = {name for node in self.model.graph.node for name in node.input}
        kept = [entry for entry in self.model.graph.initializer if entry.name in used]
        del self.model.graph.initializer[:]
        self.model.graph.initializer.extend(kept)


def _product(node: NodeProto) -> NodeProto:
    x, w = node.input[:2]
    inputs = [f"{x}_int8", f"{w}_int8", f"{x}_scale", f"{w}_scale", f"{x}_zero", f"{w}_zero"]
    return helper.make_node("MatMulIntegerToFloat", inputs, list(node.output), name=node.name, domain=MICROSOFT)


def _attention(node: NodeProto) -> NodeProto:
    x, w, bias, *mask = node.input[:4]
    scales = [f"{x}_scale", f"{w}_scale", *(mask or [""]), f"{x}_zero", f"{w}_zero"]
    attention = helper.make_node(
        "QAttention", [f"{x}_int8", f"{w}_int8", bias, *scales], list(node.output), name=node.name, domain=MICROSOFT
    )
    known = {"num_heads", "unidirectional", "do_rotary", "mask_filter_value"}
    attention.attribute.extend(attribute for attribute in node.attribute if attribute.name in known)
    return attention
