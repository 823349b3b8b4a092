"""Jobs of `retune worker`. If the worker of a job dies, or renews its lease too late, another worker takes the job."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from core.clock import utc_now
from core.errors import JobLost, JobNotFound, JobOptionsDiffer
from core.ledger import Ledger
from core.records import JobRecord
from core.schema import jobs

LEASE_S = 60.0
MAX_ATTEMPTS = 3


class JobQueue:
    """Jobs in the ledger's database; one job per model runs at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._database = ledger.database

    def enqueue(self, model: str, kind: str, payload: dict[str, Any] | None = None) -> JobRecord:
        """Add a job, or return the queued or running one of this kind and model.

        Raises `JobOptionsDiffer` if that job has another payload than `payload`.
        """
        with self._database.write() as connection:
            unfinished = select(jobs).where(
                jobs.c.model == model, jobs.c.kind == kind, jobs.c.status.in_(["queued", "running"])
            )
            row = connection.execute(unfinished).mappings().first()
            if row is None:
                queued = insert(jobs).values(
                    model=model, kind=kind, status="queued", payload=payload or {}, attempts=0, created_at=utc_now()
                )
                row = connection.execute(queued.returning(jobs)).mappings().one()
            elif payload and payload != row["payload"]:
                raise JobOptionsDiffer(row["id"], kind, model, row["status"], _options(row["payload"]))
        return _record(row)

    def take(self, owner: str) -> JobRecord | None:
        """Assign the oldest job that may run to `owner` and return it; None if there is none.

        A running job whose worker died (its process on this host ended, or its lease expired) is queued again, and
        failed after `MAX_ATTEMPTS`.
        """
        if not self._database.exists():
            return None
        with self._database.write() as connection:
            _requeue_lost(connection)
            busy = select(jobs.c.model).where(jobs.c.status == "running")
            query = select(jobs).where(jobs.c.status == "queued", jobs.c.model.not_in(busy)).order_by(jobs.c.id)
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            attempt = {"owner": owner, "attempts": row["attempts"] + 1, "started_at": utc_now()}
            taken = update(jobs).where(jobs.c.id == row["id"]).values(**attempt, status="running", lease_until=_lease())
            return _record(connection.execute(taken.returning(jobs)).mappings().one())

    def renew(self, job: JobRecord, *, progress: str | None = None) -> None:
        """Extend the lease, and store the progress; raises `JobLost` if another worker has the job."""
        self._change(job, lease_until=_lease(), **({} if progress is None else {"progress": progress}))

    def finish(self, job: JobRecord, result: dict[str, Any]) -> None:
        self._change(job, status="done", result=result, finished_at=utc_now(), lease_until=None)

    def fail(self, job: JobRecord, error: str) -> None:
        self._change(job, status="failed", error=error, finished_at=utc_now(), lease_until=None)

    def get(self, job_id: int) -> JobRecord:
        if found := self._select(select(jobs).where(jobs.c.id == job_id)):
            return found[0]
        raise JobNotFound(job_id)

    def running(self) -> list[JobRecord]:
        """The running jobs of all models; their workers may have died."""
        return self._select(select(jobs).where(jobs.c.status == "running").order_by(jobs.c.id))

    def latest(self, model: str, *, limit: int = 20) -> list[JobRecord]:
        """Most recent first."""
        return self._select(select(jobs).where(jobs.c.model == model).order_by(jobs.c.id.desc()).limit(limit))

    def _select(self, query: Select[Any]) -> list[JobRecord]:
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def _change(self, job: JobRecord, **values: Any) -> None:
        is_ours = (jobs.c.id == job.id) & (jobs.c.owner == job.owner) & (jobs.c.status == "running")
        with self._database.write() as connection:
            changed = connection.execute(update(jobs).where(is_ours & (jobs.c.attempts == job.attempts)).values(values))
        if changed.rowcount != 1:
            raise JobLost(job.id)


def _lease() -> float:
    return time.time() + LEASE_S


def _options(payload: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in payload.items()) or "the config's options"


def this_worker() -> str:
    """Id of this process as an owner of jobs: host, pid, and start time because pids are reused."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def _has_ended(owner: str) -> bool:
    """Whether the owner was a process of this host and ended; False for a process of another host."""
    host, pid, started = owner.rsplit("/", 2)
    return host == socket.gethostname() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


def _requeue_lost(connection: Connection) -> None:
    running = connection.execute(select(jobs).where(jobs.c.status == "running")).mappings().all()
    for row in running:
        if row["lease_until"] < time.time() or _has_ended(row["owner"]):
            again = row["attempts"] < MAX_ATTEMPTS
            lost = f"Its worker died {row['attempts']} times. Read the worker's log and start the job again."
            values: dict[str, Any] = (
                {"status": "queued"} if again else {"status": "failed", "error": lost, "finished_at": utc_now()}
            )
            connection.execute(
                update(jobs).where(jobs.c.id == row["id"]).values(owner=None, lease_until=None, **values)
            )


def _record(row: RowMapping) -> JobRecord:
    return JobRecord(**{key: row[key] for key in JobRecord.__dataclass_fields__})
