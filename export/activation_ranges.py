"""What values flow into the linear layers, observed on sample texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from core.cpu import available_cpus
from core.engine import Encoded

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ChannelRange:
    """Least and largest value of each channel (d,) of one tensor, zero included."""

    low: Floats
    high: Floats

    def widened(self, values: Floats) -> ChannelRange:
        rows = values.reshape(-1, values.shape[-1])
        return ChannelRange(np.minimum(self.low, rows.min(axis=0)), np.maximum(self.high, rows.max(axis=0)))


def observe(graph: Path, names: Sequence[str], sample: Sequence[Encoded]) -> dict[str, ChannelRange]:
    """The range of each named tensor over the sample (at least one text)."""
    session = _session_with_outputs(graph, names)
    inputs = {entry.name for entry in session.get_inputs()}
    nothing = ChannelRange(np.zeros(1, dtype=np.float32), np.zeros(1, dtype=np.float32))
    ranges = dict.fromkeys(names, nothing)
    for encoded in sample:
        # One text at a time: padding would widen the ranges with values that no answer uses.
        ids = np.array([encoded.ids], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        outputs = session.run(list(names), {name: given[name] for name in inputs})
        ranges = {name: ranges[name].widened(values) for name, values in zip(names, outputs, strict=True)}
    return ranges


def _session_with_outputs(graph: Path, names: Sequence[str]) -> ort.InferenceSession:
    model = onnx.load(graph)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = ort.SessionOptions()
    options.intra_op_num_threads = available_cpus()
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
