"""The log of a job, kept beside it in the ledger's database: what happened to it, its stages and its warnings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from core.clock import utc_now
from core.database import Database
from core.records import LogLevel, LogLine
from core.schema import job_log

MAX_CHARS = 4_000
"""A longer text is cut; a traceback keeps its end, which names the error."""


def line(text: str, level: LogLevel = "note") -> LogLine:
    """A line of now."""
    return LogLine(utc_now(), level, text if len(text) <= MAX_CHARS else f"… {text[-MAX_CHARS:]}")


def add_lines(connection: Connection, job_id: int, lines: Sequence[LogLine]) -> None:
    """In the transaction that changes the job, so that the log is true."""
    if lines:
        connection.execute(insert(job_log), [{"job_id": job_id, **vars(entry)} for entry in lines])


def read_log(database: Database, job_id: int) -> list[LogLine]:
    query = select(job_log.c.created_at, job_log.c.level, job_log.c.text)
    with database.read() as connection:
        rows = connection.execute(query.where(job_log.c.job_id == job_id).order_by(job_log.c.id))
        return [LogLine(*row) for row in rows]


def erase_old_lines(database: Database, days: int) -> int:
    """Erase the lines that are older than `days` days; return how many."""
    if not database.exists():
        return 0
    before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="microseconds")
    with database.write() as connection:
        return connection.execute(delete(job_log).where(job_log.c.created_at < before)).rowcount
