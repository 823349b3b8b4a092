"""Connections to the ledger's database. It is migrated at the first use; a write transaction locks from its start."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError

from core.durable import file_lock
from core.errors import DiskFull, DriverMissing, InvalidDatabaseUrl, LedgerUnreadable

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = ("0001", "0002", "0003")
"""A ledger of another revision is from a newer release. It can be used: migrations only add columns and tables."""
BUSY_S = 30.0
INDEX_BYTES = 2**17
"""Room for the index of a write-ahead log of 64 MiB; SQLite usually keeps the log below 4 MiB."""
STAT_BLOCK_BYTES = 512
WRITERS_LOCK = 0x7265_7475_6E65
"""Key of PostgreSQL's advisory lock that every write transaction holds: "retune" in ASCII."""


class Database:
    """A pool of connections, used through `read()` and `write()` only."""

    def __init__(self, url: str, *, busy_s: float = BUSY_S) -> None:
        """Connect and migrate; `busy_s` is how long a write waits for another one.

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
        """A transaction that excludes other writers: it waits until they commit, and then sees their rows."""
        writer = self._engine.execution_options(writes=True)
        with self._translated_errors(), writer.connect() as connection, connection.begin():
            yield connection

    def vacuum(self, *, timeout_s: float = BUSY_S) -> bool:
        """Rebuild SQLite's file without erased rows; False if other connections used it during the whole timeout.

        `secure_delete` overwrites rows, but not the copies that stay in pages after these are split or merged.
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
        """Move SQLite's write-ahead log into the file and empty it; False if a reader used it during the whole timeout.

        Until then the log contains earlier writes, erased rows among them. Other databases manage their own logs.
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
        """A cursor outside of any transaction, with a busy timeout of its own."""
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
        except (OperationalError, DatabaseError, sqlite3.Error, OSError) as error:
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
    event.listen(engine, "connect", partial(_prepare_sqlite, path=url.database))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any, *, path: str | None) -> None:
    index = f"{os.path.realpath(path)}-shm" if path and path != ":memory:" else None
    if index:
        _require_room(index)
    # The driver would begin a transaction late and as a reader; `_begin_sqlite` begins it instead.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # FULL: committed rows survive a power cut, not only the end of the process.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # Erased rows are overwritten, not only marked as free.
    connection.execute("PRAGMA secure_delete=ON")
    if index:
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # maps the index
        _allocate(index)


def _require_room(index: str) -> None:
    """Raise `OSError` if there is no room for the index of SQLite's log, which all its processes map into memory.

    SQLite allocates one block in each page of it; with smaller blocks than pages, a write to the rest of a page would
    kill the process (SIGBUS) if the disk is full.
    """
    with suppress(FileNotFoundError):
        if os.stat(index).st_blocks * STAT_BLOCK_BYTES >= INDEX_BYTES:
            return
    disk = os.statvfs(os.path.dirname(index))
    if disk.f_bavail * disk.f_frsize < INDEX_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), index)


def _allocate(index: str) -> None:
    """Allocate the whole index through SQLite's own descriptor: closing another one would release SQLite's locks."""
    with suppress(FileNotFoundError):  # no Linux
        for descriptor in os.listdir("/proc/self/fd"):
            with suppress(OSError):  # it was closed, or the file system is read-only
                if os.readlink(f"/proc/self/fd/{descriptor}") == index:
                    os.posix_fallocate(int(descriptor), 0, INDEX_BYTES)
                    return


def _begin_sqlite(connection: Connection) -> None:
    # A read transaction that starts to write fails at once with SQLITE_BUSY_SNAPSHOT, in spite of the timeout.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection, *, busy_s: float) -> None:
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(busy_s * 1000)}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")


def _migration_lock(database: str | None) -> AbstractContextManager[None]:
    """Lock a SQLite file that several processes open for the first time; `_begin_postgresql` locks PostgreSQL."""
    return file_lock(Path(f"{database}.migrate.lock")) if database else nullcontext()


def _upgrade(engine: Engine) -> None:
    # Imported here: Alembic is slow to import, and a migrated ledger does not need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with engine.execution_options(writes=True).connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
