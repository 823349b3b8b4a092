"""A new home for every test, with an open ledger."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import Config
from core.home import Home
from core.ledger import Ledger
from core.package import read_facts, write_facts, write_manifest


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
