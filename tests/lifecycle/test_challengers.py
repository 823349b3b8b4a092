"""The contract of all challengers, and the particulars of the head."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from core.assigned import cells
from core.champion import read_champion
from core.config import Config, FinetuneConfig
from core.datasets import Example, kept_dataset
from core.engine import Engine
from core.errors import ChallengerSkipped
from core.home import Home
from core.labels import cell_of, names_in
from core.lineage import Lineage
from core.package import GRAPH, MANIFEST, read_digest, read_facts, read_reference, write_facts, write_manifest
from core.progress import ignore
from core.records import JobRecord
from core.verification import SAME_MACHINE, verify_package
from export.head import WEIGHT
from lifecycle.challengers.catalogue import CHALLENGERS
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.head import train_head
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.situation import Situation, assess
from tests.serve_environment import absent_modules
from tests.tasks import TaskFiles, multi_label_rows, paired_rows
from tests.tiny import FILLER, tiny_rows

JOB = JobRecord(1, "m", "retrain", "running", {}, 1, None, "", None, None, None, None)
TASKS = ("single", "multi_label", "paired")


def new_label_rows(count: int) -> list[Example]:
    """Rows of the label "chat", which no other row has: of words that belong to no other label."""
    chance = random.Random(3)
    texts = {" ".join(chance.sample(FILLER, 5)): None for _ in range(3 * count)}
    return [Example(text, "chat") for text in list(texts)[:count]]


class Case:
    """A home with a champion, and rows of which some are new."""

    def __init__(self, home: Home, package: Path, datasets: Path, given: list[Example]) -> None:
        shutil.copytree(datasets, home.config.datasets, dirs_exist_ok=True)
        home.registry.promote("m", home.registry.add(package, "m"))
        self.home, self.given = home, given
        data = read_facts(package).lineage.data
        original = [row for name in (data.train, data.validation) for row in kept_dataset(name, home.config.datasets)]
        self.rows = TrainingSet([*original, *given], [], [], [], {})

    @property
    def situation(self) -> Situation:
        return assess(self.home, read_champion(self.home.registry, "m"))

    def train(self, name: str, work: Path, **settings: Any) -> Challenger:
        finetune = FinetuneConfig.model_validate({"method": "features", "max_length": 32, **settings})
        config = self.home.config.model_copy(update={"finetune": finetune})
        return CHALLENGERS[name](JOB, self.rows, self.situation, config, work, ignore)


@pytest.fixture
def case(
    home: Home, tiny_package: Path, tiny_checkpoint: Path, request: pytest.FixtureRequest
) -> Callable[[str], Case]:
    def make(task: str) -> Case:
        if task == "single":
            given = [*tiny_rows(30, seed=8), *new_label_rows(30)]
            return Case(home, tiny_package, tiny_checkpoint.parent / "datasets", given)
        files: TaskFiles = request.getfixturevalue(task)
        rows = multi_label_rows(40, seed=8) if task == "multi_label" else paired_rows(40, seed=8)
        return Case(home, files.package, files.datasets, rows)

    return make


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", CHALLENGERS)
def test_a_challenger_is_a_verified_package_with_the_rows_it_was_trained_on(
    case: Callable[[str], Case], name: str, task: str, tmp_path: Path, task_base_model: Path, tiny_base_model: Path
) -> None:
    made = case(task)
    base = tiny_base_model if task == "single" else task_base_model
    found = made.train(name, tmp_path / "work", base_model=str(base))
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
    engine = Engine(found.package)
    sample = made.given[:20]
    right = [one == row.label for one, row in zip(_answers(engine, sample), sample, strict=True)]
    assert np.mean(right) > 0.5


def _names(row: Example, kind: str) -> tuple[str, ...]:
    return names_in(row.label or "") if kind == "multi-label" else (row.label or "",)


def _answers(engine: Engine, rows: list[Example]) -> list[str]:
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return [cell_of(names_in(cell)) if engine.facts.kind == "multi-label" else cell for cell in given]


def test_the_head_learns_a_new_label_and_keeps_the_encoder(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    before = Engine(made.situation.champion.folder)
    after = Engine(made.train("head", tmp_path).package)
    assert set(after.labels) - set(before.labels) == {"chat"}
    texts = [row.text for row in made.given]
    np.testing.assert_allclose(before.answer(texts).embeddings, after.answer(texts).embeddings, atol=1e-6)
    chat = [row for row in made.given if row.label == "chat"]
    assert np.mean([answer == "chat" for answer in _answers(after, chat)]) > 0.7
    facts = read_facts(after.folder)
    assert (facts.lineage.method, facts.lineage.encoder_of) == ("head", read_digest(before.folder))
    assert facts.rung == before.facts.rung


def test_a_label_that_is_gone_is_no_longer_answered(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    made.rows = replace(made.rows, train=[row for row in made.rows.train if row.label != "bug"])
    assert read_facts(made.train("head", tmp_path).package).labels == ["billing", "chat", "how_to"]


def test_the_same_rows_settings_and_seed_give_the_same_package(
    case: Callable[[str], Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = case("single")
    first = read_digest(made.train("head", tmp_path / "a").package)
    made.rows = replace(made.rows, train=made.rows.train[::-1])
    clock = itertools.count(0.0, 1000.0)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert read_digest(made.train("head", tmp_path / "b").package) == first


def test_the_risk_of_the_champion_is_kept(case: Callable[[str], Case], tmp_path: Path) -> None:
    facts = read_facts(case("single").train("head", tmp_path, max_risk=0.5).package)
    assert facts.abstain_below is not None
    assert facts.lineage.settings["max_risk"] == 0.5


def test_a_graph_without_a_head_of_its_own_is_skipped(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    folder = tmp_path / "other"
    shutil.copytree(made.situation.champion.folder, folder)
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
    with pytest.raises(ChallengerSkipped, match="no linear head"):
        train_head(JOB, made.rows, made.situation, made.home.config, tmp_path / "work", ignore)
    assert not (tmp_path / "work" / "package").exists()


def test_a_retrain_of_the_head_needs_only_the_extra_serve(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    made.home.ledger.added.add("m", made.given, source="desk", fingerprint="f")
    code = """
import json
import sys
from pathlib import Path
absent = json.loads(sys.argv[2])
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Missing())
from core.config import Config
from core.home import Home
from core.progress import ignore
from lifecycle.retrain import retrain
home = Home(Config(home=Path(sys.argv[1])))
result = retrain(home.jobs.enqueue("m", "retrain"), home, on_progress=ignore)
print(result.training.method, result.training.reason)
"""
    home = made.home.config.home
    absent = absent_modules()
    assert {"torch", "transformers", "sklearn", "scipy", "onnx", "pandas", "evidently", "pyarrow"} <= set(absent)
    command = [sys.executable, "-c", code, str(home), json.dumps(absent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("head A new head on the encoder of m@1")


def test_the_ladder_is_read_from_the_environment_and_the_file(tmp_path: Path) -> None:
    assert Config().retrain.ladder == ["head", "fresh"]
    assert Config.model_validate({"retrain": {"ladder": "fresh"}}).retrain.ladder == ["fresh"]
