"""Ledgers of earlier releases."""

from __future__ import annotations

from collections.abc import Callable

from alembic import command
from alembic.config import Config as Migrations
from sqlalchemy import Connection, create_engine

from core.config import Config
from core.database import MIGRATIONS
from core.ledger import Ledger, open_ledger


def of_an_earlier_release(config: Config, revision: str, fill: Callable[[Connection], None]) -> Ledger:
    """A ledger that was filled at a revision, migrated to today's."""
    config.home.mkdir(exist_ok=True)
    engine = create_engine(config.ledger_url)
    migrations = Migrations()
    migrations.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        migrations.attributes["connection"] = connection
        command.upgrade(migrations, revision)
        fill(connection)
    engine.dispose()
    return open_ledger(config)
