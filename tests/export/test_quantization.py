from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import quantize_dynamic

from core.datasets import Example
from core.engine import Encoded, Engine
from core.package import FACTS, GRAPH, TOKENIZER
from export.blockwise import BLOCK, quantized_blocks, write_blockwise
from export.candidate import run_candidate
from export.eligibility import objection
from export.quantization import StaticInt8
from export.sensitivity import CALIBRATIONS, Sensitivity
from export.settings import ExportSettings


@pytest.fixture(scope="module")
def full(tiny_package: Path) -> Engine:
    """The engine in full precision."""
    return Engine(tiny_package)


@pytest.fixture(scope="module")
def texts(tiny_examples: list[Example]) -> list[str]:
    return [example.text for example in tiny_examples]


@pytest.fixture(scope="module")
def sample(full: Engine, texts: list[str]) -> list[Encoded]:
    return full.encode(texts)


@pytest.fixture
def quantizer(tiny_package: Path, sample: list[Encoded]) -> StaticInt8:
    return StaticInt8(tiny_package / GRAPH, sample)


@pytest.fixture
def quantized(tiny_package: Path, tmp_path: Path) -> Path:
    """A folder with all files that an engine needs except the graph."""
    for name in (TOKENIZER, FACTS):
        (tmp_path / name).write_bytes((tiny_package / name).read_bytes())
    return tmp_path


def test_static_int8_is_close_to_fp32(quantizer: StaticInt8, full: Engine, quantized: Path, texts: list[str]) -> None:
    quantizer.write(quantized / GRAPH)
    expected, given = full.answer(texts), Engine(quantized).answer(texts)
    assert len(quantizer.layers) == 8  # per block: attention inputs (fused), attention output, two feed-forward layers
    assert np.abs(given.logits - expected.logits).max() < 0.05 * np.abs(expected.logits).max()
    assert np.sum(given.embeddings * expected.embeddings, axis=1).min() > 0.99


def test_static_int8_does_not_depend_on_the_batch(
    quantizer: StaticInt8, quantized: Path, tiny_examples: list[Example]
) -> None:
    quantizer.write(quantized / GRAPH)
    candidate = run_candidate("int8-static", quantized, tiny_examples)
    assert candidate.max_probability_change < 1e-4
    assert candidate.changed_labels == 0


def test_dynamic_int8_is_not_eligible(tiny_package: Path, quantized: Path, tiny_examples: list[Example]) -> None:
    quantize_dynamic(
        tiny_package / GRAPH,
        quantized / GRAPH,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    dynamic, plain = (run_candidate(folder.name, folder, tiny_examples) for folder in (quantized, tiny_package))
    assert "scales depend on the batch" in str(objection(dynamic, plain, ExportSettings(max_drop=1, min_agreement=0)))


def operators(graph: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(graph).graph.node)


def test_layers_can_be_left_in_full_precision(quantizer: StaticInt8, quantized: Path) -> None:
    quantizer.write(quantized / GRAPH, exclude=quantizer.layers)
    assert not operators(quantized / GRAPH).keys() & {"MatMulIntegerToFloat", "QAttention", "QuantizeLinear"}
    quantizer.write(quantized / GRAPH, exclude=quantizer.layers[:1])
    found = operators(quantized / GRAPH)
    assert found["MatMulIntegerToFloat"] + found["QAttention"] == 7


def test_the_most_sensitive_layer_comes_first(
    quantizer: StaticInt8, full: Engine, sample: list[Encoded], quantized: Path
) -> None:
    layers = Sensitivity(quantizer, full, quantized, sample).layers_by_sensitivity(1.0)
    expected, errors = full.answer_encoded(sample).logits, []
    for left in (layers[:2], layers[-2:]):
        quantizer.write(quantized / GRAPH, exclude=left)
        errors.append(np.square(Engine(quantized).answer_encoded(sample).logits - expected).mean())
    assert sorted(layers) == sorted(quantizer.layers)
    assert errors[0] < 0.8 * errors[1]


def test_splitting_layer_norms_does_not_change_the_logits(
    quantizer: StaticInt8, full: Engine, tiny_package: Path, quantized: Path, texts: list[str]
) -> None:
    quantizer.write(quantized / GRAPH, exclude=quantizer.layers)
    before, after = operators(tiny_package / GRAPH), operators(quantized / GRAPH)
    assert before["SkipLayerNormalization"] == after["InstanceNormalization"] == 4
    assert after["SkipLayerNormalization"] == 0
    np.testing.assert_allclose(Engine(quantized).answer(texts).logits, full.answer(texts).logits, atol=1e-5)


def test_biases_are_added_by_the_quantized_layers(quantizer: StaticInt8, tiny_package: Path, quantized: Path) -> None:
    quantizer.write(quantized / GRAPH)
    nodes = onnx.load(quantized / GRAPH).graph.node
    assert all(node.input[6] for node in nodes if node.op_type == "MatMulIntegerToFloat")
    assert not any(node.op_type == "BiasGelu" for node in nodes)
    # Per layer norm: the residual sum and the bias.
    assert operators(quantized / GRAPH)["Add"] == 8 + operators(tiny_package / GRAPH)["Add"]


def test_division_of_attention_outputs_is_folded_into_the_values(quantizer: StaticInt8, quantized: Path) -> None:
    quantizer.write(quantized / GRAPH)
    nodes = {node.output[0]: node for node in onnx.load(quantized / GRAPH).graph.node}
    read = [node.input[0] for node in nodes.values() if node.op_type == "QuantizeLinear"]
    assert sum(name in nodes and nodes[name].op_type == "QAttention" for name in read) == 2


def test_quantized_blocks_are_close_to_the_weights() -> None:
    weight = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    packed, scales = quantized_blocks(weight)
    assert (packed.shape, str(packed.dtype), scales.shape) == ((3, 2, BLOCK), "uint8", (3, 2))
    read = ((packed.astype(np.float32) - 128) * scales[:, :, None]).reshape(3, 64).T
    assert np.abs(read - weight).max() <= scales.max() / 2 + 1e-6


def test_blockwise_int8_is_close_to_fp32_in_any_batch(
    full: Engine, tiny_package: Path, quantized: Path, tiny_examples: list[Example], texts: list[str]
) -> None:
    write_blockwise(tiny_package / GRAPH, quantized / GRAPH)
    assert operators(quantized / GRAPH)["MatMulNBits"] == 6
    expected, given = full.answer(texts).logits, Engine(quantized).answer(texts).logits
    assert 0 < np.abs(given - expected).max() < 0.05 * np.abs(expected).max()
    assert run_candidate("int8-blockwise", quantized, tiny_examples).max_probability_change < 1e-4


def test_the_best_calibration_changes_the_logits_least(
    quantizer: StaticInt8, full: Engine, sample: list[Encoded], quantized: Path
) -> None:
    expected, errors = full.answer_encoded(sample).logits, {}
    for name, range_share in CALIBRATIONS.items():
        quantizer.write(quantized / GRAPH, range_share=range_share)
        errors[name] = np.square(Engine(quantized).answer_encoded(sample).logits - expected).mean()
    assert len(set(errors.values())) == len(errors)
    assert Sensitivity(quantizer, full, quantized, sample).best_calibration() == min(errors, key=errors.__getitem__)
