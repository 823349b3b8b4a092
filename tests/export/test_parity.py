from pathlib import Path

import pytest
import torch

from core.datasets import Example
from core.engine import Engine
from core.errors import ParityFailed
from export.model import read_source
from export.parity import require_parity


def test_a_graph_of_other_weights_is_refused(
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
