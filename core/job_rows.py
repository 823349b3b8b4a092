"""Rows of jobs within a transaction: whose they are, and what becomes of those whose worker died."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from core.clock import utc_now
from core.errors import JobLost, JobNotFound
from core.ledger_tables.job_log import add_lines, line
from core.processes.owner import has_ended
from core.records import JobRecord
from core.schema import jobs

MAX_ATTEMPTS = 3
NO_OWNER = {"owner": None, "lease_until": None}
NO_STEP = {"progress": None, "share": None, "left_s": None}


def row_of(connection: Connection, job_id: int) -> RowMapping:
    """Raises `JobNotFound`."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
    if row is None:
        raise JobNotFound(job_id)
    return row


def own_row(connection: Connection, job: JobRecord) -> RowMapping:
    """The row of a job that its owner runs; raises `JobLost` if it no longer does."""
    is_own = (jobs.c.id == job.id) & (jobs.c.owner == job.owner) & (jobs.c.status == "running")
    row = connection.execute(select(jobs).where(is_own & (jobs.c.attempts == job.attempts))).mappings().first()
    if row is None:
        raise JobLost(job.id)
    return row


def set_values(connection: Connection, job_id: int, **values: Any) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))


def end_cancelled(connection: Connection, job_id: int, **values: Any) -> None:
    set_values(connection, job_id, **values, status="cancelled", finished_at=utc_now(), **NO_OWNER)
    add_lines(connection, job_id, [line("Cancelled.")])


def requeue_lost(connection: Connection) -> None:
    """Queue the jobs again whose worker died; end those that were cancelled, and fail those of `MAX_ATTEMPTS`."""
    running = connection.execute(select(jobs).where(jobs.c.status == "running")).mappings().all()
    for row in running:
        if not has_died(row["lease_until"], row["owner"]):
            continue
        if row["cancel_requested_at"]:
            end_cancelled(connection, row["id"])
        elif row["attempts"] < MAX_ATTEMPTS:
            set_values(connection, row["id"], status="queued", **NO_OWNER, **NO_STEP)
            add_lines(connection, row["id"], [line("Queued again: its worker died.", "warning")])
        else:
            lost = f"Its worker died {row['attempts']} times. Read the worker's log and start the job again."
            set_values(connection, row["id"], status="failed", error=lost, finished_at=utc_now(), **NO_OWNER)
            add_lines(connection, row["id"], [line(lost, "error")])


def is_lost(job: JobRecord) -> bool:
    """Whether the worker of a running job died; the next worker that looks takes the job again."""
    return job.status == "running" and has_died(job.lease_until, job.owner)


def has_died(lease_until: float | None, owner: str | None) -> bool:
    """Whether a worker's lease expired, or its process ended."""
    return (lease_until or 0.0) < time.time() or owner is None or has_ended(owner)
