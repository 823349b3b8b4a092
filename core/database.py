"""Connections to the ledger's database: migrated once, writers begin as writers."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError

from core.durable import file_lock
from core.errors import DiskFull, DriverMissing, InvalidDatabaseUrl, LedgerUnreadable

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = ("0001", "0002", "0003")
"""A ledger of another revision is a newer release's. Migrations only add what older releases do without."""
BUSY_S = 30.0
WRITERS_LOCK = 0x7265_7475_6E65
"""Key of PostgreSQL's advisory lock that a writer holds: "retune" in ASCII."""


class Database:
    """One pool of connections. `read()` and `write()` are the only ways in."""

    def __init__(self, url: str, *, busy_s: float = BUSY_S) -> None:
        """Connect and migrate; `busy_s` is how long a writer waits for another one.

        Raises `LedgerUnreadable`, `DriverMissing` or `InvalidDatabaseUrl`.
        """
        self.url = parsed_url(url)
        self._busy_s = busy_s
        self.shown_url = self.url.render_as_string(hide_password=True)
        try:
            self._engine = _create(self.url, busy_s)
            self._migrate()
        except (SQLAlchemyError, OSError) as error:
            raise self._translated(error) from error
        except ImportError as error:
            raise DriverMissing(self.shown_url, str(error)) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._translated_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that no other writer overlaps: it waits for its turn, then sees what they committed."""
        writer = self._engine.execution_options(writes=True)
        with self._translated_errors(), writer.connect() as connection, connection.begin():
            yield connection

    def vacuum(self, *, timeout_s: float = BUSY_S) -> bool:
        """Write SQLite's file anew, without what was erased; False if others used it all along.

        `secure_delete` overwrites rows, but not the copies of them that pages keep when they are split or joined.
        """
        if self.url.get_backend_name() != "sqlite":
            return True
        with self._translated_errors(), self._sqlite_cursor(timeout_s) as cursor:
            try:
                cursor.execute("VACUUM")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                return False
        return True

    def truncate_log(self, *, timeout_s: float = 5) -> bool:
        """Move SQLite's write-ahead log into its file and cut it to nothing; False if a reader needed it all along.

        Until then it holds what was written earlier, erased or not. Other databases see to their own logs.
        """
        if self.url.get_backend_name() != "sqlite":
            return True
        with self._translated_errors(), self._sqlite_cursor(timeout_s) as cursor:
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _sqlite_cursor(self, timeout_s: float) -> Iterator[Any]:
        """A cursor of SQLite's, outside of a transaction, that waits so long for others."""
        with closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={round(timeout_s * 1000)}")
            try:
                yield cursor
            finally:
                cursor.execute(f"PRAGMA busy_timeout={round(self._busy_s * 1000)}")

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, DatabaseError, sqlite3.Error) as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> LedgerUnreadable | DiskFull:
        if "disk is full" in str(error) or getattr(error, "errno", None) == errno.ENOSPC:
            return DiskFull(self.shown_url)
        return LedgerUnreadable(self.shown_url, str(getattr(error, "orig", None) or error))

    def _migrate(self) -> None:
        if self._is_current():
            return
        with _migration_lock(self.url.database if self.url.get_backend_name() == "sqlite" else None):
            if not self._is_current():
                _upgrade(self._engine)

    def _is_current(self) -> bool:
        with self._engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found is not None and found not in REVISIONS[:-1]


def parsed_url(url: str) -> URL:
    """Raises `InvalidDatabaseUrl`."""
    try:
        return make_url(url)
    except ArgumentError as error:
        raise InvalidDatabaseUrl from error


def _create(url: URL, busy_s: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True)
        if engine.dialect.name == "postgresql":
            event.listen(engine, "begin", partial(_begin_postgresql, busy_s=busy_s))
        return engine
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": busy_s})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions lazily and as a reader; we say BEGIN ourselves.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # FULL: what was acknowledged survives a power cut, not only a killed process.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # What is erased is overwritten, not only marked as free.
    connection.execute("PRAGMA secure_delete=ON")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns writer fails at once with SQLITE_BUSY_SNAPSHOT, whatever the timeout.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection, *, busy_s: float) -> None:
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(busy_s * 1000)}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")


def _migration_lock(database: str | None) -> AbstractContextManager[None]:
    """Several processes that start on an empty SQLite file take turns; on a server the upgrade is a writer."""
    return file_lock(Path(f"{database}.migrate.lock")) if database else nullcontext()


def _upgrade(engine: Engine) -> None:
    # Only here: Alembic is slow to import, and a migrated ledger never needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with engine.execution_options(writes=True).connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
