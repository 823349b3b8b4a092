"""Connections to the ledger's database. The first write creates it; a write transaction locks from its start."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from core.durable import file_lock, is_disk_full
from core.errors import DiskFull, DriverMissing, InvalidDatabaseUrl, LedgerMoved, LedgerUnreadable
from core.schema import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
)
"""A ledger of another revision is from a newer release. It can be used: migrations break no older release."""
BUSY_S = 30.0
RETRY_S = 0.01
INDEX_BYTES = 2**17
"""Room for the index of a write-ahead log of 64 MiB; SQLite usually keeps the log below 4 MiB."""
STAT_BLOCK_BYTES = 512
WRITERS_LOCK = 0x7265_7475_6E65
"""Key of PostgreSQL's advisory lock that every write transaction holds: "retune" in ASCII."""


class Database:
    """A pool of connections, used through `read()` and `write()` only."""

    def __init__(self, url: str, *, busy_s: float = BUSY_S) -> None:
        """Connect, and migrate what exists; `busy_s` is how long a write waits for another one.

        Raises `LedgerUnreadable`, `DriverMissing` or `InvalidDatabaseUrl`.
        """
        self.url = _parsed(url)
        self.file = _sqlite_file(self.url)
        self._busy_s = busy_s
        self.shown_url = self.url.render_as_string(hide_password=True)
        self._is_migrated = False
        self._identity: tuple[int, int] | None = None
        try:
            self._engine = _create(self.url, self.file, busy_s)
        except ImportError as error:
            raise DriverMissing(self.shown_url, str(error)) from error
        self.exists()

    def exists(self) -> bool:
        """Whether anything was ever written; raises `LedgerUnreadable`."""
        self._require_same_file()
        if not self._is_migrated and self._is_begun():
            self._migrate()
        return self._is_migrated

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction; of a database that does not exist yet, which it does not create, all tables are empty."""
        exists = self.exists()
        engine = self._engine if exists else create_engine("sqlite://", poolclass=NullPool)
        with self._translated_errors(), engine.connect() as connection, connection.begin():
            if not exists:
                metadata.create_all(connection)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that excludes other writers: it waits until they commit, and then sees their rows."""
        self._require_same_file()
        if not self._is_migrated:
            self._migrate()
        writer = self._engine.execution_options(writes=True)
        with self._translated_errors(), writer.connect() as connection, connection.begin():
            yield connection

    def require_writable(self) -> None:
        """Commit a write that changes nothing: a file that became read-only since it was opened takes no commit.

        Raises `Unavailable`.
        """
        with self.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))

    def session(self, name: str) -> Connection:
        """A connection to PostgreSQL outside of transactions, which its views show by name; the caller closes it."""
        with self._translated_errors():
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name[:63]})
            return connection

    def vacuum(self, *, timeout_s: float = BUSY_S) -> bool:
        """Rebuild SQLite's file without erased rows; False if other connections used it during the whole timeout.

        `secure_delete` overwrites rows, but not the copies that remain in pages that were split or merged.
        """
        if self.url.get_backend_name() != "sqlite" or not self.exists():
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
        if self.url.get_backend_name() != "sqlite" or not self.exists():
            return True
        with self._translated_errors(), self._sqlite_cursor(timeout_s) as cursor:
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _sqlite_cursor(self, timeout_s: float) -> Iterator[Any]:
        """A cursor outside of any transaction; `timeout_s` is its busy timeout."""
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
        except (DBAPIError, PoolTimeout, sqlite3.Error, OSError) as error:
            if is_disk_full(error):
                raise DiskFull(self.shown_url) from error
            raise LedgerUnreadable(self.shown_url, str(getattr(error, "orig", None) or error)) from error

    def _require_same_file(self) -> None:
        """Raise `LedgerMoved` if another file, or none, has the ledger's name now: what is written to one that was
        moved away is lost, and the write-ahead log of one file would be taken for that of the other.
        """
        if self.file is None or not self._is_migrated:
            return
        with self._translated_errors():
            identity = _identity(self.file)
        if identity != self._identity:
            raise LedgerMoved(self.shown_url)

    def _is_begun(self) -> bool:
        return (self.file is None or self.file.exists()) and self._revision() is not None

    def _revision(self) -> str | None:
        with self._translated_errors(), self._engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found

    def _migrate(self) -> None:
        """Create or upgrade the tables, unless another process has just done so."""
        with self._translated_errors():
            if self.file:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            with _migration_lock(self.file):
                if self._revision() in (None, *REVISIONS[:-1]):
                    _upgrade(self._engine)
            self._identity = _identity(self.file) if self.file else None
        self._is_migrated = True


def absolute_url(url: str) -> str:
    """The URL with the path of an SQLite file made absolute, and `~` expanded; other URLs are unchanged.

    >>> absolute_url("postgresql://jo:pw@db/retune"), absolute_url("sqlite+pysqlite:////data/ledger.db")
    ('postgresql://jo:pw@db/retune', 'sqlite+pysqlite:////data/ledger.db')
    """
    return _parsed(url).render_as_string(hide_password=False)


def shown_url(url: str) -> str:
    """The URL as `absolute_url`, without its password.

    >>> shown_url("postgresql://jo:pw@db/retune")
    'postgresql://jo:***@db/retune'
    """
    return _parsed(url).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidDatabaseUrl from error
    path = _sqlite_file(parsed)
    return parsed.set(database=str(path.absolute())) if path else parsed


def _sqlite_file(url: URL) -> Path | None:
    """None for another database, and for one in memory."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
        return None
    try:
        return Path(url.database).expanduser()
    except RuntimeError as error:
        raise InvalidDatabaseUrl from error


def _identity(file: Path) -> tuple[int, int] | None:
    """Device and inode; None if there is no such file."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _create(url: URL, file: Path | None, busy_s: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True)
        if engine.dialect.name == "postgresql":
            event.listen(engine, "begin", partial(_begin_postgresql, busy_s=busy_s))
        return engine
    engine = create_engine(url, connect_args={"timeout": busy_s})
    event.listen(engine, "connect", partial(_prepare_sqlite, file=file, busy_s=busy_s))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any, *, file: Path | None, busy_s: float) -> None:
    index = f"{os.path.realpath(file)}-shm" if file else None
    if index:
        _require_room(index)
    # The driver would begin a transaction late and as a reader; `_begin_sqlite` begins it instead.
    connection.isolation_level = None
    _write_ahead(connection, busy_s)
    # FULL: committed rows survive a power failure, not only a crash of the process.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # Erased rows are overwritten, not only marked as free.
    connection.execute("PRAGMA secure_delete=ON")
    if index:
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # maps the index
        _allocate(index)


def _write_ahead(connection: sqlite3.Connection, busy_s: float) -> None:
    """Turn on the write-ahead log; SQLite refuses it at once, in spite of its timeout, while another connection writes.

    The change begins as a reader, and SQLite lets no reader that wants to write wait for a writer.
    """
    ends_at = monotonic() + busy_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() >= ends_at:
                raise
            sleep(RETRY_S)
        else:
            return


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


def _migration_lock(file: Path | None) -> AbstractContextManager[None]:
    """Lock a SQLite file that several processes open for the first time; `_begin_postgresql` locks PostgreSQL."""
    return file_lock(file.with_name(f"{file.name}.migrate.lock")) if file else nullcontext()


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
