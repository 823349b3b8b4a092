"""Jobs of `retune worker`. If the worker of a job dies, or renews its lease too late, another worker takes the job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, func, insert, select

from core.clock import utc_now
from core.errors import JobCancelled, JobEnded, JobOptionsDiffer
from core.job_log import add_lines, line, read_log
from core.job_rows import NO_OWNER, NO_STEP, end_cancelled, own_row, requeue_lost, row_of, set_values
from core.ledger import Ledger
from core.records import JobRecord, JobStatus, JobStep, LogLine
from core.schema import jobs

LEASE_S = 60.0


class JobQueue:
    """Jobs in the ledger's database; one job per model runs at a time. Each change is a line of the job's log."""

    def __init__(self, ledger: Ledger) -> None:
        self._database = ledger.database

    def enqueue(self, model: str, kind: str, payload: dict[str, Any] | None = None) -> JobRecord:
        """Add a job, or return the queued or running one of this kind and model.

        Raises `JobOptionsDiffer` if that job has another payload than `payload`. A running job that was cancelled does
        not count: it is about to end.
        """
        with self._database.write() as connection:
            unfinished = select(jobs).where(
                jobs.c.model == model,
                jobs.c.kind == kind,
                jobs.c.status.in_(["queued", "running"]),
                jobs.c.cancel_requested_at.is_(None),
            )
            row = connection.execute(unfinished).mappings().first()
            if row is None:
                queued = insert(jobs).values(
                    model=model, kind=kind, status="queued", payload=payload or {}, attempts=0, created_at=utc_now()
                )
                row = connection.execute(queued.returning(jobs)).mappings().one()
                add_lines(connection, row["id"], [line("Queued.")])
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
            requeue_lost(connection)
            busy = select(jobs.c.model).where(jobs.c.status == "running")
            query = select(jobs).where(jobs.c.status == "queued", jobs.c.model.not_in(busy)).order_by(jobs.c.id)
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            attempt = {"owner": owner, "attempts": row["attempts"] + 1, "started_at": utc_now()}
            set_values(connection, row["id"], **attempt, **NO_STEP, status="running", lease_until=_lease())
            add_lines(connection, row["id"], [line(f"Taken by {owner}, attempt {attempt['attempts']}.")])
            return _record(row_of(connection, row["id"]))

    def renew(self, job: JobRecord, *, step: JobStep | None = None, lines: Sequence[LogLine] = ()) -> None:
        """Extend the lease, and store the step and lines of the log.

        Raises `JobLost` if another worker has the job, and `JobCancelled` if it was cancelled.
        """
        values = {} if step is None else {"progress": step.stage, "share": step.share, "left_s": step.left_s}
        if self._change(job, lines, lease_until=_lease(), **values)["cancel_requested_at"]:
            raise JobCancelled(job.id)

    def finish(self, job: JobRecord, result: dict[str, Any], *, lines: Sequence[LogLine] = ()) -> None:
        self._end(job, [*lines, line("Done.")], status="done", result=result)

    def fail(self, job: JobRecord, error: str, *, lines: Sequence[LogLine] = ()) -> None:
        self._end(job, [*lines, line(error, "error")], status="failed", error=error)

    def release(self, job: JobRecord, *, lines: Sequence[LogLine] = ()) -> None:
        """End the job if it was cancelled, else queue it again without counting the attempt."""
        with self._database.write() as connection:
            row = own_row(connection, job)
            add_lines(connection, job.id, lines)
            if row["cancel_requested_at"]:
                end_cancelled(connection, job.id)
                return
            set_values(connection, job.id, status="queued", attempts=job.attempts - 1, **NO_OWNER, **NO_STEP)
            add_lines(connection, job.id, [line("Queued again: its worker was told to end.")])

    def cancel(self, job_id: int) -> JobRecord:
        """Cancel a job: a queued one at once, a running one at its next step. Raises `JobNotFound` or `JobEnded`."""
        self.get(job_id)  # an unknown job makes no ledger
        with self._database.write() as connection:
            requeue_lost(connection)
            row = row_of(connection, job_id)
            if row["status"] == "queued":
                end_cancelled(connection, job_id)
            elif row["status"] != "running":
                raise JobEnded(job_id, row["kind"], row["model"], row["status"])
            elif not row["cancel_requested_at"]:
                set_values(connection, job_id, cancel_requested_at=utc_now())
                add_lines(connection, job_id, [line("To be cancelled at its next step.")])
            return _record(row_of(connection, job_id))

    def get(self, job_id: int) -> JobRecord:
        with self._database.read() as connection:
            return _record(row_of(connection, job_id))

    def log(self, job_id: int) -> list[LogLine]:
        """The job's log, oldest line first; raises `JobNotFound`."""
        self.get(job_id)
        return read_log(self._database, job_id)

    def running(self) -> list[JobRecord]:
        """The running jobs of all models; their workers may have died."""
        return self._select(select(jobs).where(jobs.c.status == "running").order_by(jobs.c.id))

    def unfinished(self, model: str) -> list[JobRecord]:
        """The queued and running jobs of a model."""
        is_unfinished = jobs.c.status.in_(["queued", "running"])
        return self._select(select(jobs).where(is_unfinished, jobs.c.model == model).order_by(jobs.c.id))

    def latest(self, model: str | None = None, *, limit: int = 20) -> list[JobRecord]:
        """Of a model or of all of them, most recent first."""
        query = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        return self._select(query if model is None else query.where(jobs.c.model == model))

    def counts(self) -> dict[tuple[str, JobStatus], int]:
        """The number of jobs by model and status."""
        query = select(jobs.c.model, jobs.c.status, func.count()).group_by(jobs.c.model, jobs.c.status)
        with self._database.read() as connection:
            return {(model, status): count for model, status, count in connection.execute(query)}

    def _select(self, query: Select[Any]) -> list[JobRecord]:
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def _end(self, job: JobRecord, lines: Sequence[LogLine], **values: Any) -> None:
        self._change(job, lines, **values, finished_at=utc_now(), lease_until=None, left_s=None)

    def _change(self, job: JobRecord, lines: Sequence[LogLine], **values: Any) -> RowMapping:
        """Change the job if it is still this worker's; returns its row."""
        with self._database.write() as connection:
            row = own_row(connection, job)
            set_values(connection, job.id, **values)
            add_lines(connection, job.id, lines)
        return row


def _lease() -> float:
    return time.time() + LEASE_S


def _options(payload: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in payload.items()) or "the config's options"


def _record(row: RowMapping) -> JobRecord:
    return JobRecord(**{key: row[key] for key in JobRecord.__dataclass_fields__})
