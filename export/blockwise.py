"""Block-wise quantization to 8 bits: a scale per block of a weight column and per block of a token's activations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from core.arrays import Floats
from export.graph import MICROSOFT
from export.norms import split_norms

BLOCK = 32
ZERO_POINT, MAX = 128, 127
INT8_ACTIVATIONS = 4
"""The `accuracy_level` of ONNX Runtime for int8 products."""


def write_blockwise(fused: Path, path: Path) -> int:
    """Quantize the matrix products of the fused graph whose depth is a multiple of `BLOCK`; returns their number.

    The weights of attention nodes stay in float32.
    """
    model = onnx.load(fused)
    weights = {entry.name: entry for entry in model.graph.initializer if _fits(entry)}
    nodes: list[NodeProto] = []
    added: dict[str, TensorProto] = {}
    for node in model.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in weights:
            nodes.append(node)
            continue
        weight = numpy_helper.to_array(weights[node.input[1]])
        packed, scales = quantized_blocks(weight)
        own = node.output[0]
        for name, array in ((f"{own}_blocks", packed), (f"{own}_scales", scales)):
            added[name] = numpy_helper.from_array(array, name)
        sizes = {"K": weight.shape[0], "N": weight.shape[1], "bits": 8, "block_size": BLOCK}
        inputs = [node.input[0], f"{own}_blocks", f"{own}_scales"]
        made = helper.make_node("MatMulNBits", inputs, [own], name=node.name, domain=MICROSOFT, **sizes)
        made.attribute.append(helper.make_attribute("accuracy_level", INT8_ACTIVATIONS))
        nodes.append(made)
    used = {name for node in nodes for name in node.input}
    kept = [entry for entry in (*model.graph.initializer, *added.values()) if entry.name in used]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(kept)
    split_norms(model.graph)
    onnx.save(model, path)
    return len(added) // 2


def _fits(entry: TensorProto) -> bool:
    return len(entry.dims) == 2 and entry.data_type == TensorProto.FLOAT and entry.dims[0] % BLOCK == 0


def quantized_blocks(weight: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """A weight (d, m) in the format of `MatMulNBits`: bytes (m, d / `BLOCK`, `BLOCK`) and scales (m, d / `BLOCK`)."""
    parts = weight.T.reshape(weight.shape[1], -1, BLOCK)
    scales = np.maximum(np.abs(parts).max(axis=2), 1e-8).astype(np.float32) / MAX
    packed = np.clip(np.round(parts / scales[:, :, None]) + ZERO_POINT, 0, 255).astype(np.uint8)
    return packed, scales
