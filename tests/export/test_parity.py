from pathlib import Path

import pytest
import torch

from core.datasets import Example
from core.engine import Engine
from core.errors import ParityFailed
from export.model import read_source
from export.parity import edge_case_texts, require_parity
from tests.tasks import TaskFiles


def test_a_graph_with_other_weights_is_refused(
    tiny_checkpoint: Path, tiny_package: Path, tiny_validation: list[Example]
) -> None:
    source, engine = read_source(tiny_checkpoint), Engine(tiny_package)
    texts = [example.text for example in tiny_validation]
    require_parity(source, engine, texts)
    with torch.no_grad():
        source.model.head.weight.mul_(1.01)
    with pytest.raises(ParityFailed, match=r"0 labels changed"):
        require_parity(source, engine, texts)
    with torch.no_grad():
        source.model.head.weight.mul_(-1)
    with pytest.raises(ParityFailed, match=r"[1-9]\d* labels changed"):
        require_parity(source, engine, texts)


def test_edge_cases_include_empty_and_maximum_length_texts(tiny_package: Path, paired: TaskFiles) -> None:
    engine = Engine(tiny_package)
    encoded = engine.encode(edge_case_texts(engine))
    assert encoded[0].tokens == 2
    assert (encoded[2].tokens, encoded[2].truncated) == (engine.facts.max_length, False)
    assert (encoded[3].tokens, encoded[3].truncated) == (engine.facts.max_length, True)
    pairs = Engine(paired.package)
    assert (pairs.encode(edge_case_texts(pairs))[2].tokens, pairs.facts.max_length) == (32, 32)


def test_an_error_in_long_texts_only_is_detected(
    tiny_checkpoint: Path, tiny_package: Path, tiny_validation: list[Example]
) -> None:
    source, engine = read_source(tiny_checkpoint), Engine(tiny_package)
    texts = [example.text for example in tiny_validation]
    longest = max(item.tokens for item in engine.encode(texts))
    assert longest < engine.facts.max_length
    with torch.no_grad():
        positions = source.model.transformer.get_parameter("embeddings.position_embeddings.weight")
        positions[engine.facts.max_length - 1, :8] += 5
    with pytest.raises(ParityFailed):
        require_parity(source, engine, texts)
