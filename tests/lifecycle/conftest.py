"""A home of its own for every test, with an open ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config
from core.home import Home
from core.ledger import Ledger


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
