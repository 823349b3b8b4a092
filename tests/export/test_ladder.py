"""Which rungs are built, and the reasons for those that are not."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from core.datasets import Example
from core.engine import CUDA_FP16
from core.errors import RungNotBuilt
from core.package import GRAPH
from core.progress import ignore
from export.ladder import INT8_DYNAMIC, INT8_MIXED, INT8_STATIC, RUNGS, Ladder
from export.model import Source, read_source
from export.run import export
from export.rungs import FP32
from export.settings import ExportSettings
from tests.tasks import make_checkpoint
from tests.tiny import tiny_rows

LOOSE = ExportSettings(max_drop=0.2, min_agreement=0.5)
STRICT = ExportSettings(max_drop=0.2, min_agreement=1.0)


@pytest.fixture(scope="module")
def rows() -> list[Example]:
    return tiny_rows(700)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, task_base_model: Path, rows: list[Example]) -> Source:
    folder = tmp_path_factory.mktemp("ladder")
    return read_source(make_checkpoint(folder / "checkpoint", task_base_model, rows, datasets=folder / "datasets"))


def built(source: Source, workspace: Path, rows: list[Example], settings: ExportSettings, **more: str) -> Ladder:
    ladder = Ladder(source, workspace, rows, settings)
    ladder.build(ignore, **more)
    return ladder


def test_every_rung_is_built_or_has_a_reason(source: Source, rows: list[Example], tmp_path: Path) -> None:
    ladder = built(source, tmp_path, rows, LOOSE)
    assert sorted([*ladder.built, *ladder.not_built]) == sorted(RUNGS)
    assert ladder.objections[FP32] is None
    assert ladder.objections[INT8_STATIC] is None
    assert ladder.not_built[INT8_MIXED] == "int8-static needs no layer in full precision."
    assert "no GPU" in ladder.not_built[CUDA_FP16]
    assert "quantization scales depend on the batch" in str(ladder.objections[INT8_DYNAMIC])
    assert ladder.built[INT8_STATIC].note.startswith("calibrated on ")


def test_sensitive_layers_are_left_in_full_precision(source: Source, rows: list[Example], tmp_path: Path) -> None:
    ladder = built(source, tmp_path, rows, STRICT)
    assert "labels" in str(ladder.objections[INT8_STATIC])
    mixed = ladder.built[INT8_MIXED]
    nodes = [node.op_type for node in onnx.load(mixed.folder / GRAPH).graph.node]
    left = 8 - nodes.count("MatMulIntegerToFloat") - nodes.count("QAttention")
    assert mixed.note.endswith(f"with {left} of 8 layers in full precision")
    assert 1 <= left <= 3


def test_int8_mixed_is_not_built_with_too_few_rows(source: Source, rows: list[Example], tmp_path: Path) -> None:
    ladder = built(source, tmp_path, rows[:20], ExportSettings(max_drop=0.005, min_agreement=0.985))
    assert ladder.not_built[INT8_MIXED].startswith("There are too few labelled rows")
    assert "20 labelled rows are too few" in str(ladder.objections[INT8_STATIC])


@pytest.mark.parametrize("rung", [INT8_STATIC, INT8_MIXED])
def test_the_wanted_rung_is_built_even_if_it_is_not_needed(
    rung: str, source: Source, rows: list[Example], tmp_path: Path
) -> None:
    ladder = built(source, tmp_path, rows, LOOSE if rung == INT8_MIXED else STRICT, wanted=rung)
    assert set(ladder.built) | {INT8_STATIC} == {FP32, rung, INT8_STATIC}
    assert rung in ladder.built


def test_a_rung_that_cannot_be_built_writes_no_package(source: Source, rows: list[Example], tmp_path: Path) -> None:
    with pytest.raises(RungNotBuilt, match="no GPU"):
        export(source.folder, out=tmp_path / "p", validation=rows[:20], settings=LOOSE, rung=CUDA_FP16)
    assert not (tmp_path / "p").exists()
