"""Activations of sample texts, from which the quantization of the linear layers is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from core.arrays import Floats
from core.cpu import available_cpus
from core.engine import Encoded, padded
from core.progress import Step, go_on

# Tokens per text whose values are kept, evenly spaced over its length.
SAMPLED_TOKENS = 4


@dataclass(frozen=True)
class Activation:
    """One tensor: minimum (at most 0) and maximum (at least 0) per channel (d,), and sample rows (m, d)."""

    low: Floats
    high: Floats
    rows: Floats


def collect_activations(
    graph: Path, names: Sequence[str], sample: Sequence[Encoded], *, on_text: Step = go_on
) -> dict[str, Activation]:
    """The activations of each named tensor, (1, length, d), over the sample of at least one text."""
    session = _session_with_outputs(graph, names)
    inputs = {entry.name for entry in session.get_inputs()}
    seen: dict[str, list[Activation]] = {name: [] for name in names}
    for encoded in sample:
        on_text()
        # One text at a time: padding would widen the ranges by values that do not affect the outputs.
        given = padded([encoded], pad_id=0)
        outputs = session.run(list(names), {name: given[name] for name in inputs})
        for name, values in zip(names, outputs, strict=True):
            seen[name].append(_of_text(values.reshape(-1, values.shape[-1])))
    return {name: _merged(parts) for name, parts in seen.items()}


def _of_text(tokens: Floats) -> Activation:
    kept = np.linspace(0, len(tokens) - 1, SAMPLED_TOKENS).astype(int)
    return Activation(np.minimum(tokens.min(axis=0), 0), np.maximum(tokens.max(axis=0), 0), tokens[kept])


def _merged(parts: Sequence[Activation]) -> Activation:
    return Activation(
        np.min([part.low for part in parts], axis=0),
        np.max([part.high for part in parts], axis=0),
        np.concatenate([part.rows for part in parts]),
    )


def _session_with_outputs(graph: Path, names: Sequence[str]) -> ort.InferenceSession:
    model = onnx.load(graph)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = ort.SessionOptions()
    options.intra_op_num_threads = available_cpus()
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
