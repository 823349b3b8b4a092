from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from core.engine import Engine
from core.errors import CorruptPackage, NoLinearHead
from core.package import GRAPH
from export.head import BIAS, WEIGHT, encoder_digest, exchange_head, read_head


def graph(path: Path, *, weight: np.ndarray, scale: float = 1.0, name: str = WEIGHT) -> Path:
    """An encoder that multiplies by `scale`, and a head."""
    tensors = [
        onnx.numpy_helper.from_array(np.array(scale, dtype=np.float32), "scale"),
        onnx.numpy_helper.from_array(weight, name),
        onnx.numpy_helper.from_array(np.zeros(len(weight), dtype=weight.dtype), BIAS),
    ]
    value = onnx.helper.make_tensor_value_info
    nodes = [
        onnx.helper.make_node("Mul", ["text", "scale"], ["embedding"]),
        onnx.helper.make_node("Gemm", ["embedding", name, BIAS], ["logits"], transB=1),
    ]
    outputs = [
        value("logits", onnx.TensorProto.FLOAT, ["rows", len(weight)]),
        value("embedding", onnx.TensorProto.FLOAT, ["rows", weight.shape[1]]),
    ]
    inputs = [value("text", onnx.TensorProto.FLOAT, ["rows", weight.shape[1]])]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", inputs, outputs, tensors)), path)
    return path


def weights(classes: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(classes, 4)).astype(np.float32)


def test_the_exchanged_graph_is_the_one_that_onnx_writes(tmp_path: Path) -> None:
    source = graph(tmp_path / "a.onnx", weight=weights(3))
    weight, bias = weights(200, seed=1), np.zeros(200, dtype=np.float32)
    exchange_head(source, tmp_path / "b.onnx", weight=weight, bias=bias)
    expected = graph(tmp_path / "c.onnx", weight=weight)
    onnx.checker.check_model(tmp_path / "b.onnx")
    assert onnx.load(tmp_path / "b.onnx") == onnx.load(expected)


def test_the_head_of_a_package_is_read(tiny_package: Path) -> None:
    head, engine = read_head(tiny_package / GRAPH), Engine(tiny_package)
    given = engine.answer(["invoice refund", "crash"])
    np.testing.assert_allclose(given.embeddings @ head.weight.T + head.bias, given.logits, atol=1e-5)


def test_graphs_that_differ_in_the_head_only_have_one_encoder(tmp_path: Path) -> None:
    source = graph(tmp_path / "a.onnx", weight=weights(3))
    exchange_head(source, tmp_path / "b.onnx", weight=weights(300), bias=np.ones(300, dtype=np.float32))
    other = graph(tmp_path / "c.onnx", weight=weights(3), scale=2.0)
    assert encoder_digest(source) == encoder_digest(tmp_path / "b.onnx")
    assert encoder_digest(source) != encoder_digest(other)


@pytest.mark.parametrize("name", [WEIGHT, "other"])
def test_a_graph_without_a_head_in_float32_is_left_alone(tmp_path: Path, name: str) -> None:
    weight = weights(3).astype(np.float16 if name == WEIGHT else np.float32)
    source = graph(tmp_path / "a.onnx", weight=weight, name=name)
    for use in (read_head, encoder_digest):
        with pytest.raises(NoLinearHead, match="no linear head of its own"):
            use(source)
    with pytest.raises(NoLinearHead):
        exchange_head(source, tmp_path / "b.onnx", weight=weights(3), bias=np.zeros(3, dtype=np.float32))
    assert not (tmp_path / "b.onnx").exists()


@pytest.mark.parametrize(
    "content", [b"", b"no graph", b"\x3a\xff\x01", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
)
def test_a_file_that_is_no_graph_is_a_corrupt_package(tmp_path: Path, content: bytes) -> None:
    (tmp_path / GRAPH).write_bytes(content)
    with pytest.raises(CorruptPackage, match=r"model\.onnx is no ONNX file"):
        read_head(tmp_path / GRAPH)
