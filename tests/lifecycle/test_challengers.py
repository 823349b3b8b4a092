"""The contract of all challengers."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from core.checkpoint import digest_of, read_training
from core.config import FinetuneConfig, RetrainConfig
from core.datasets import Example, kept_dataset
from core.engine import Engine
from core.errors import ChallengerSkipped
from core.home import Home
from core.labels import names_in
from core.lineage import Lineage
from core.package import GRAPH, MANIFEST, read_digest, read_facts, read_reference, write_facts, write_manifest
from core.verification import SAME_MACHINE, verify_package
from export.head import WEIGHT
from lifecycle.challengers.catalogue import CHALLENGERS
from lifecycle.retrain import retrain
from tests.lifecycle.champions import Case, answered

TASKS = ("single", "multi_label", "paired")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", CHALLENGERS)
def test_a_challenger_is_a_verified_package_with_the_rows_it_was_trained_on(
    case: Callable[[str], Case], name: str, task: str, tmp_path: Path, task_base_model: Path, tiny_base_model: Path
) -> None:
    made = case(task)
    base = tiny_base_model if task == "single" else task_base_model
    before = made.situation.champion.facts.lineage
    found = made.train(name, tmp_path / "work", base_model=str(base), seed=7)
    verify_package(found.package, tolerance=SAME_MACHINE)
    facts, datasets = read_facts(found.package), made.home.config.datasets
    data = facts.lineage.data
    stored = [*kept_dataset(data.train, datasets), *kept_dataset(data.validation, datasets)]
    assert {row.key for row in stored} == {row.key for row in made.rows.train}
    assert (data.train_rows, data.validation_rows) == tuple(
        len(kept_dataset(part, datasets)) for part in (data.train, data.validation)
    )
    assert set(facts.labels) == {name for row in made.rows.train for name in _names(row, facts.kind)}
    assert (facts.kind, facts.is_paired) == (made.situation.champion.kind, made.situation.champion.facts.is_paired)
    assert found.training.rows == len(made.rows.train)
    assert found.training.reason.endswith(".")
    assert facts.metrics["validation"]["rows"] == data.validation_rows
    assert len(read_reference(found.package).confidence) == facts.lineage.reference.rows > 0
    lineage = facts.lineage
    assert (lineage.seed, lineage.settings["seed"], lineage.settings["base_model"]) == (7, 7, str(base))
    assert lineage.retune == before.retune
    assert name == "fresh" or lineage.base_model == before.base_model
    assert (lineage.method, lineage.reference.rows) == (found.training.method, data.validation_rows)
    # A new head has the encoder of a version; everything else has a checkpoint of its own.
    assert bool(lineage.checkpoint) != bool(lineage.encoder_of)
    assert found.checkpoint is None or lineage.checkpoint == digest_of(read_training(found.checkpoint))
    engine = Engine(found.package)
    sample = made.given[:20]
    right = [one == row.label for one, row in zip(answered(engine, sample), sample, strict=True)]
    assert np.mean(right) > 0.5


def _names(row: Example, kind: str) -> tuple[str, ...]:
    return names_in(row.label or "") if kind == "multi-label" else (row.label or "",)


@pytest.mark.parametrize("name", CHALLENGERS)
def test_the_same_rows_settings_and_seed_give_the_same_package(
    case: Callable[[str], Case], name: str, tmp_path: Path, tiny_base_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = case("single")
    first = read_digest(made.train(name, tmp_path / "a", base_model=str(tiny_base_model)).package)
    made.rows = replace(made.rows, train=made.rows.train[::-1])
    clock = itertools.count(0.0, 1000.0)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert read_digest(made.train(name, tmp_path / "b", base_model=str(tiny_base_model)).package) == first


@pytest.mark.parametrize("name", CHALLENGERS)
def test_a_challenger_that_fails_leaves_nothing(case: Callable[[str], Case], name: str, tiny_base_model: Path) -> None:
    made = case("single")
    made.home.ledger.added.add("m", made.given, source="desk", fingerprint="f")
    kept = sorted(made.home.config.checkpoints.iterdir())
    settings = {"method": "features", "max_length": 32, "base_model": str(tiny_base_model)}
    config = made.home.config.model_copy(
        update={"finetune": FinetuneConfig.model_validate(settings), "retrain": RetrainConfig(ladder=[name])}
    )
    job = made.home.jobs.enqueue("m", "retrain")

    def fail_at_the_package(stage: str, share: float) -> None:
        if stage.startswith("export: ") or stage == "head: Writing the package":
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        retrain(job, Home(config), on_progress=fail_at_the_package)
    assert list((made.home.folder / "work").glob("*")) == []
    assert made.home.registry.versions("m") == ["1"]
    assert sorted(made.home.config.checkpoints.iterdir()) == kept


def _with_another_graph(made: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(made.situation.champion.folder, tmp_path / "other")
    model = onnx.load(folder / GRAPH)
    for tensor in model.graph.initializer:
        if tensor.name == WEIGHT:
            tensor.name = "other"
    for node in model.graph.node:
        node.input[:] = ["other" if name == WEIGHT else name for name in node.input]
    onnx.save(model, folder / GRAPH)
    write_facts(folder, replace(read_facts(folder), lineage=Lineage(data=read_facts(folder).lineage.data)))
    (folder / MANIFEST).unlink()
    write_manifest(folder)
    made.home.registry.promote("m", made.home.registry.add(folder, "m"))


def _without_checkpoint(made: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.home.checkpoints.prune(set())


def _without_torch(made: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("tuned", "fresh"):
        monkeypatch.setitem(sys.modules, f"lifecycle.challengers.{module}", None)


SKIPPED: list[tuple[str, Callable[[Case, Path, pytest.MonkeyPatch], None], str]] = [
    ("head", _with_another_graph, "no linear head"),
    ("tuned", _with_another_graph, "the version whose encoder m@2 has"),
    ("tuned", _without_checkpoint, "the checkpoint of m@1 is not kept"),
    ("tuned", _without_torch, "not installed"),
    ("fresh", _without_torch, "not installed"),
]


def test_every_challenger_can_be_skipped() -> None:
    assert {name for name, _, _ in SKIPPED} == set(CHALLENGERS)


@pytest.mark.parametrize(("name", "prevent", "why"), SKIPPED)
def test_a_skipped_challenger_says_why_in_one_sentence(
    case: Callable[[str], Case],
    name: str,
    prevent: Callable[[Case, Path, pytest.MonkeyPatch], None],
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = case("single")
    prevent(made, tmp_path, monkeypatch)
    with pytest.raises(ChallengerSkipped, match=why) as skipped:
        made.train(name, tmp_path / "work")
    sentence = str(skipped.value)
    assert "\n" not in sentence
    assert not sentence.endswith(".")  # the notes of the retrain end it
    assert not (tmp_path / "work" / "package").exists()
