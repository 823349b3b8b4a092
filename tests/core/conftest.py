"""An open ledger, on every database that Retune supports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config, LedgerConfig
from core.ledger import Ledger, open_ledger
from tests.postgres import new_database, programs, running_postgres

SQLITE = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
"""For tests of SQLite's files and locks."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with running_postgres() as socket_folder:
        yield socket_folder


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Config of a home that has no ledger yet."""
    if request.param == "sqlite":
        return Config(home=tmp_path)
    return Config(home=tmp_path, ledger=LedgerConfig(url=new_database(request.getfixturevalue("postgres"))))


@pytest.fixture
def ledger(config: Config) -> Iterator[Ledger]:
    opened = open_ledger(config)
    yield opened
    opened.database.close()
