"""Export of paired and of multi-label checkpoints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.assigned import cells
from core.checkpoint import read_training
from core.datasets import Example
from core.engine import Engine, Outputs
from core.errors import InputDoesNotFit, ParityFailed
from core.package import read_facts, read_reference
from export.candidate import Candidate
from export.eligibility import objection
from export.model import read_source
from export.parity import require_parity
from export.run import export
from export.settings import ExportSettings
from tests.tasks import TaskFiles, multi_label_rows

SETTINGS = ExportSettings(max_drop=0.005, min_agreement=0.985)


def test_package_states_its_task(multi_label: TaskFiles, paired: TaskFiles) -> None:
    multi, pairs = read_facts(multi_label.package), read_facts(paired.package)
    assert (multi.kind, multi.is_paired, multi.score_function) == ("multi-label", False, "sigmoid")
    assert (multi.thresholds, multi.abstain_below) == ({"billing": 0.4, "bug": 0.5, "how_to": 0.6}, 0.5)
    assert (pairs.kind, pairs.is_paired, pairs.abstain_below) == ("single-label", True, None)


def test_multi_label_accuracy_is_subset_accuracy(multi_label: TaskFiles) -> None:
    engine, rows = Engine(multi_label.package, threads=1), multi_label.validation
    given = cells(engine.answer([row.text for row in rows]).predicted, engine.labels)
    right = np.mean([cell == row.label for cell, row in zip(given, rows, strict=True)])
    metrics = read_facts(multi_label.package).metrics
    assert metrics["served_accuracy"] == metrics["validation"]["accuracy"] == right
    assert 0.5 < right < 1
    assert metrics["validation"]["macro_f1"] > right
    reference = read_reference(multi_label.package)
    assert reference.right.mean() == right


@pytest.mark.parametrize("task", ["multi_label", "paired"])
def test_golden_answers_are_reproduced(task: str, request: pytest.FixtureRequest) -> None:
    files: TaskFiles = request.getfixturevalue(task)
    engine = Engine(files.package, threads=1)
    outputs = engine.answer(engine.facts.golden_inputs)
    assert engine.facts.golden_inputs == [row.input for row in files.validation[:3]]
    for entry, label, scores in zip(
        engine.facts.golden, cells(outputs.predicted, engine.labels), outputs.probabilities, strict=True
    ):
        assert entry["label"] == label
        assert list(entry["scores"].values()) == pytest.approx(scores.tolist(), abs=1e-4)


@pytest.mark.parametrize("task", ["multi_label", "paired"])
def test_eight_bit_answers_agree_with_full_precision(task: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    files: TaskFiles = request.getfixturevalue(task)
    result = export(
        files.checkpoint, out=tmp_path / "p", validation=files.validation, settings=SETTINGS, rung="int8-static"
    )
    assert result.label_agreement >= 0.9
    assert Engine(tmp_path / "p").facts.thresholds == read_facts(files.package).thresholds


def test_parity_compares_label_sets_and_tolerates_scores_at_their_threshold(multi_label: TaskFiles) -> None:
    import torch

    source, engine = read_source(multi_label.checkpoint), Engine(multi_label.package, threads=1)
    texts = [row.text for row in multi_label.validation]
    scores = engine.answer(texts).probabilities
    engine._thresholds = scores[0].copy()  # tuned thresholds may equal scores of these rows
    require_parity(source, engine, texts)
    with torch.no_grad():
        source.model.head.weight.mul_(-1)
    with pytest.raises(ParityFailed, match=r"[1-9]\d* labels changed"):
        require_parity(source, engine, texts)


def test_reference_rows_of_another_task_are_refused(paired: TaskFiles, tmp_path: Path) -> None:
    single = [Example("invoice", "billing")]
    with pytest.raises(InputDoesNotFit, match="answers pairs"):
        export(paired.checkpoint, out=tmp_path / "p", validation=paired.validation, reference=single, settings=SETTINGS)
    assert not (tmp_path / "p").exists()


def test_a_changed_label_of_a_set_counts_as_a_changed_row() -> None:
    given = np.ones((1000, 3), dtype=bool)
    outputs = Outputs(given.astype("f4"), np.zeros((1000, 1), "f4"), given.astype("f4"), given)
    plain = Candidate("fp32", Path("fp32"), outputs, given.astype(np.int8), 0.0, 0, 1.0)
    changed = given.copy()
    changed[:20, 2] = False
    other = replace(plain, name="int8", outputs=replace(outputs, given=changed))
    assert objection(other, plain, SETTINGS) == "It loses 2.00 % of 1000 rows; 0.50 % are allowed."


def test_calibration_sample_of_a_paired_checkpoint_has_pairs(paired: TaskFiles, multi_label: TaskFiles) -> None:
    assert all(isinstance(text, tuple) for text in read_source(paired.checkpoint).sample)
    assert all(isinstance(text, str) for text in read_source(multi_label.checkpoint).sample)
    assert read_training(multi_label.checkpoint).kind == "multi-label"
    assert multi_label_rows(3)[0].pair is None
