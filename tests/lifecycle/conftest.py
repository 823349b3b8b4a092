"""A new home for every test, with an open ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import Config
from core.home import Home
from core.ledger import Ledger
from core.package import read_facts, write_facts, write_manifest
from tests.lifecycle.champions import Case, new_label_rows
from tests.lifecycle.clocks import SetClock
from tests.tasks import TaskFiles, multi_label_rows, paired_rows
from tests.tiny import tiny_rows

STORED = Path(__file__).parents[1] / "core" / "stored" / "format-1"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path)


@pytest.fixture
def home(config: Config) -> Iterator[Home]:
    opened = Home(config)
    yield opened
    opened.close()


@pytest.fixture
def ledger(home: Home) -> Ledger:
    return home.ledger


@pytest.fixture
def other_package(tiny_package: Path, tmp_path: Path) -> Path:
    """A package whose answers all differ, because its label names are rotated."""
    folder = tmp_path / "other"
    shutil.copytree(tiny_package, folder)
    facts = read_facts(folder)
    write_facts(folder, replace(facts, labels=[*facts.labels[1:], facts.labels[0]], golden=[]))
    write_manifest(folder)
    return folder


@pytest.fixture
def case(
    home: Home, tiny_package: Path, tiny_checkpoint: Path, request: pytest.FixtureRequest
) -> Callable[[str], Case]:
    """Makes a champion of a task: "single", "multi_label" or "paired"."""

    def make(task: str) -> Case:
        if task == "single":
            given = [*tiny_rows(30, seed=8), *new_label_rows(30)]
            return Case(home, tiny_checkpoint, tiny_package, tiny_checkpoint.parent / "datasets", given)
        files: TaskFiles = request.getfixturevalue(task)
        rows = multi_label_rows(40, seed=8) if task == "multi_label" else paired_rows(40, seed=8)
        return Case(home, files.checkpoint, files.package, files.datasets, rows)

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """The time of the ledger, which only the test moves."""
    made = SetClock()
    made.install(monkeypatch)
    return made


@pytest.fixture
def served(home: Home, clock: SetClock) -> Home:
    """A champion `m@1` whose package nobody has to train, in service since `clock` began."""
    home.registry.promote("m", home.registry.add(STORED, "m"))
    return home


@pytest.fixture
def later_package(tmp_path: Path) -> Path:
    """Another version for `served`."""
    folder = tmp_path / "later"
    shutil.copytree(STORED, folder)
    write_facts(folder, replace(read_facts(folder), golden=[]))
    write_manifest(folder)
    return folder
