"""The ONNX graph of a checkpoint, with fused attention."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnxruntime.transformers import optimizer

from export.model import Source

OPSET = 17
# The domain of the operators of ONNX Runtime, such as fused attention.
MICROSOFT = "com.microsoft"


def write_fused(source: Source, path: Path) -> str:
    """Write the float32 graph with fused attention and layer norms; equal checkpoints give equal bytes.

    Returns a remark on attention that could not be fused; empty if all was fused.
    """
    plain = path.with_suffix(".plain.onnx")
    with quiet():
        _trace(source, plain)
        config = source.model.transformer.config
        fused = optimizer.optimize_model(
            str(plain),
            model_type="bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            opt_level=0,
        )
    plain.unlink()
    if MICROSOFT not in {entry.domain for entry in fused.model.opset_import}:
        fused.model.opset_import.append(onnx.helper.make_opsetid(MICROSOFT, 1))
    for node in fused.model.graph.node:
        node.ClearField("doc_string")  # may contain paths of this machine
    onnx.save(fused.model, path)
    return _unfused(fused.model, config.num_hidden_layers, config.model_type)


def _unfused(model: onnx.ModelProto, layers: int, family: str) -> str:
    fused = sum(node.op_type in ("Attention", "MultiHeadAttention") for node in model.graph.node)
    if fused >= layers:
        return ""
    return f"{fused} of {layers} attention layers fused: ONNX Runtime's optimiser does not support {family} models"


def _trace(source: Source, path: Path) -> None:
    # Two rows of different length, so that the traced batch has padding.
    ids = torch.tensor([[1, 2, 3, 4, 5], [1, 2, 3, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    rows, tokens = {0: "rows"}, {0: "rows", 1: "tokens"}
    with torch.no_grad():
        torch.onnx.export(
            source.model,
            tuple(given[name] for name in source.inputs),
            str(path),
            # The TorchScript exporter: the optimiser does not fuse attention in graphs of the newer exporter.
            dynamo=False,
            opset_version=OPSET,
            input_names=source.inputs,
            output_names=["logits", "embedding"],
            dynamic_axes={**dict.fromkeys(source.inputs, tokens), "logits": rows, "embedding": rows},
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Silences the irrelevant warnings of exporter and optimiser; parity is checked afterwards."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
