"""A claim on a name in a ledger: one process holds it until it ends, and others learn who that is."""

from __future__ import annotations

import fcntl
import os
import socket
import zlib
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database

CLAIMS = 0x7265_7475
"""The first key of PostgreSQL's advisory locks for claims; the second one is of the name."""
UNKNOWN = "another process"


class Claim:
    """Not thread-safe. The system releases it when the process ends, however it ends.

    A lock of a file beside SQLite's, a session's advisory lock in PostgreSQL; other databases and SQLite in memory have
    none.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._key = zlib.crc32(name.encode()) & 0x7FFF_FFFF
        self._path = Path(f"{database.file}.{name}.lock") if database.file else None
        self._file: IO[str] | None = None
        self._session: Connection | None = None

    def held_by_another(self) -> str | None:
        """Take the claim if it is free; None if it is ours, else its holder in words."""
        if self._path:
            return self._lock_file(self._path)
        return self._lock_session() if self._database.url.get_backend_name() == "postgresql" else None

    def release(self) -> None:
        if self._file:
            self._file.close()
        if self._session:
            self._session.invalidate()  # a connection that went back to its pool would still hold the lock
            self._session.close()
        self._file = self._session = None

    def _lock_file(self, path: Path) -> str | None:
        if self._file:
            return None
        file = _opened(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                return file.read() or UNKNOWN
        if file.writable():
            file.truncate(0)
            file.write(_this_process())
            file.flush()
        self._file = file
        return None

    def _lock_session(self) -> str | None:
        try:
            if self._session:
                self._session.execute(text("SELECT 1"))  # after a lost connection the lock may be another's
                return None
        except SQLAlchemyError:
            self.release()
        session = self._database.session(_this_process())
        keys = {"claims": CLAIMS, "name": self._key}
        if session.scalar(text("SELECT pg_try_advisory_lock(:claims, :name)"), keys):
            self._session = session
            return None
        with session:
            return str(session.scalar(text(_HOLDER), keys) or UNKNOWN)


_HOLDER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = :claims AND objid = :name AND datname = current_database()
"""


def _opened(path: Path) -> IO[str]:
    """Of a file of another user that may only be read, the lock works, and the holder's name is not written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+", encoding="utf-8")
    except PermissionError:
        return path.open(encoding="utf-8")


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
