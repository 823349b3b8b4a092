"""Export of every encoder family, in full precision and in 8 bits, with parity to the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from core.datasets import Example
from core.engine import Engine
from core.package import GRAPH
from export.candidate import run_candidate
from export.eligibility import MAX_PROBABILITY_CHANGE
from export.run import export
from export.settings import ExportSettings
from finetune.encoders.architecture import FAMILIES
from tests.tasks import make_checkpoint, paired_rows
from tests.tiny import tiny_rows

SETTINGS = ExportSettings(max_drop=0.005, min_agreement=0.985)
FUSED = {"albert", "bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta"}
"""Families whose attention the optimiser of ONNX Runtime can fuse."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_eight_bit_answers_do_not_depend_on_the_batch(
    family: str, family_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """The export compares full precision with the checkpoint."""
    rows = tiny_rows(240)
    checkpoint = make_checkpoint(tmp_path / "checkpoint", family_folder(family), rows, datasets=tmp_path / "datasets")
    package = exported(checkpoint, rows[-60:], tmp_path / "int8", rung="int8-static")
    candidate = run_candidate("int8-static", package, rows)
    assert candidate.max_probability_change <= MAX_PROBABILITY_CHANGE
    assert candidate.changed_labels == 0
    operators = {node.op_type for node in onnx.load(package / GRAPH).graph.node}
    assert "MatMulIntegerToFloat" in operators
    assert ("QAttention" in operators) is (family in FUSED)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_pairs_are_exported(family: str, family_folder: Callable[[str], Path], tmp_path: Path) -> None:
    rows = paired_rows(120)
    checkpoint = make_checkpoint(tmp_path / "checkpoint", family_folder(family), rows, datasets=tmp_path / "datasets")
    package = exported(checkpoint, rows[-60:], tmp_path / "fp32", rung="fp32")
    assert Engine(package, threads=1).facts.is_paired


def exported(checkpoint: Path, validation: list[Example], out: Path, *, rung: str) -> Path:
    result = export(checkpoint, out=out, validation=validation, settings=SETTINGS, rung=rung)
    return result.package
