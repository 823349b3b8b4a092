from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import quantize_dynamic

from core.datasets import Example
from core.engine import Engine
from core.package import FACTS, GRAPH, TOKENIZER
from export.candidate import measured
from export.quantization import write_static_int8
from export.rungs import ExportSettings, report


@pytest.fixture
def quantized(tiny_package: Path, tmp_path: Path) -> Path:
    """A folder with all that an engine needs, its graph still to be written."""
    for name in (TOKENIZER, FACTS):
        (tmp_path / name).write_bytes((tiny_package / name).read_bytes())
    return tmp_path


def test_static_int8_stays_near_fp32(tiny_package: Path, quantized: Path, tiny_examples: list[Example]) -> None:
    plain, texts = Engine(tiny_package), [example.text for example in tiny_examples]
    layers = write_static_int8(tiny_package / GRAPH, quantized / GRAPH, plain.encode(texts))
    expected, given = plain.answer(texts), Engine(quantized).answer(texts)
    assert layers == 8  # in each of two: attention's three in one, its output, two of the feed-forward
    assert np.abs(given.logits - expected.logits).max() < 0.05 * np.abs(expected.logits).max()
    assert np.sum(given.embeddings * expected.embeddings, axis=1).min() > 0.99


def test_static_int8_does_not_depend_on_neighbours(
    tiny_package: Path, quantized: Path, tiny_examples: list[Example]
) -> None:
    sample = Engine(tiny_package).encode([example.text for example in tiny_examples])
    write_static_int8(tiny_package / GRAPH, quantized / GRAPH, sample)
    candidate = measured("int8-static", quantized, tiny_examples, [])
    assert candidate.largest_move < 1e-4
    assert candidate.moved_labels == 0


def test_dynamic_int8_is_not_eligible(tiny_package: Path, quantized: Path, tiny_examples: list[Example]) -> None:
    quantize_dynamic(
        tiny_package / GRAPH,
        quantized / GRAPH,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    dynamic, plain = (measured(folder.name, folder, tiny_examples, []) for folder in (quantized, tiny_package))
    judged = report(dynamic, plain, ExportSettings(max_drop=1, min_agreement=0))
    assert not judged.eligible
    assert "what else is in the batch" in judged.why
