"""Splitting fused layer norms into single operators.

The CPU kernel of ONNX Runtime for the fused operator is not vectorised. The kernels of the single operators are
vectorised and take about a fifth of the time (docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import GraphProto, NodeProto, helper, numpy_helper

SKIP_NORM = "SkipLayerNormalization"
_ONES, _ZEROS = "norm_ones", "norm_zeros"


def split_norms(graph: GraphProto) -> None:
    """Replace every fused residual layer norm by a sum, a normalisation per token, a gain and a bias.

    The normalisation is `InstanceNormalization` with tokens as channels; its own gain and bias (length,) are ones and
    zeros.
    """
    if not any(_can_be_split(node) for node in graph.node):
        return
    nodes = list(_unit_constants(graph.input[0].name))
    for node in graph.node:
        nodes.extend(_split(node) if _can_be_split(node) else [node])
    del graph.node[:]
    graph.node.extend(nodes)


def _can_be_split(node: NodeProto) -> bool:
    # Outputs two and three are statistics for training, which the single operators do not give.
    return node.op_type == SKIP_NORM and not any(node.output[1:3])


def _unit_constants(ids: str) -> Iterator[NodeProto]:
    yield helper.make_node("Shape", [ids], ["norm_length"], start=1, end=2)
    for name, value in ((_ONES, 1.0), (_ZEROS, 0.0)):
        filling = numpy_helper.from_array(np.array([value], dtype=np.float32))
        yield helper.make_node("ConstantOfShape", ["norm_length"], [name], value=filling)


def _split(node: NodeProto) -> Iterator[NodeProto]:
    states, skipped, gain, shift, bias = [*node.input, "", ""][:5]
    epsilon = next(attribute.f for attribute in node.attribute if attribute.name == "epsilon")
    out = node.output[0]
    total = [*node.output, "", "", ""][3] or f"{out}_sum"
    if bias:
        yield helper.make_node("Add", [states, bias], [f"{out}_biased"])
        states = f"{out}_biased"
    yield helper.make_node("Add", [states, skipped], [total])
    yield helper.make_node("InstanceNormalization", [total, _ONES, _ZEROS], [f"{out}_normal"], epsilon=epsilon)
    yield helper.make_node("Mul", [f"{out}_normal", gain], [f"{out}_gained" if shift else out])
    if shift:
        yield helper.make_node("Add", [f"{out}_gained", shift], [out])
