"""A home of its own for every test, with an open ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config
from core.ledger import Ledger, open_ledger


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path)


@pytest.fixture
def ledger(config: Config) -> Iterator[Ledger]:
    opened = open_ledger(config)
    yield opened
    opened.database.close()
