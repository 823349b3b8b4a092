"""Exchanging the head of a graph."""

from __future__ import annotations

from pathlib import Path

import onnx

from core.arrays import Numbers

WEIGHT, BIAS = "head.weight", "head.bias"


def exchange_head(source: Path, target: Path, *, weight: Numbers, bias: Numbers) -> bool:
    """Write the graph with another head: `weight` (k, d), `bias` (k,), float32; k may differ from before.

    Returns False, and writes nothing, if the graph has no head in float32: `int8-dynamic` quantizes it.
    """
    model = onnx.load(source)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    if not {WEIGHT, BIAS} <= tensors.keys():
        return False
    for name, values in ((WEIGHT, weight), (BIAS, bias)):
        tensors[name].CopyFrom(onnx.numpy_helper.from_array(values, name))
    for output in model.graph.output:
        if output.name == "logits":
            output.type.tensor_type.shape.dim[1].dim_value = len(bias)
    onnx.save(model, target)
    return True
