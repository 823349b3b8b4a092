"""Jobs of `retune worker`. If the worker of a job dies, or renews its lease too late, another worker takes the job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, select

from core.clock import utc_now
from core.errors import JobCancelled, JobEnded, JobOptionsDiffer
from core.job_rows import NO_OWNER, NO_STEP, end_cancelled, own_row, requeue_lost, row_of, set_values
from core.ledger import Ledger
from core.ledger_tables.job_log import add_lines, line, read_log
from core.records import JobRecord, JobStatus, JobStep, LogLine
from core.schema import feedback, jobs

LEASE_S = 60.0


class JobQueue:
    """Jobs in the ledger's database; one job per model runs at a time. Each change is a line of the job's log."""

    def __init__(self, ledger: Ledger) -> None:
        self._database = ledger.database

    def enqueue(self, model: str, kind: str, payload: dict[str, Any] | None = None) -> JobRecord:
        """Add a job, or return the queued or running one of this kind and model, as a person asks for.

        Raises `JobOptionsDiffer` if that job has another payload than `payload`. A running job that was cancelled does
        not count: it is about to end.
        """
        with self._database.write() as connection:
            return queued(connection, model, kind, payload)

    def enqueue_once(self, model: str, kind: str, *, after: int, reason: str) -> JobRecord | None:
        """Add a job that the loop starts, with its reason; None if a job of this kind and model came after the job
        with the id `after`: what was decided without it is out of date.
        """
        with self._database.write() as connection:
            which = jobs.c.model == model, jobs.c.kind == kind, jobs.c.id > after
            if connection.scalar(select(func.count()).select_from(jobs).where(*which)):
                return None
            return _record(_insert(connection, model, kind, {}, reason=reason))

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
            last_label = select(func.coalesce(func.max(feedback.c.id), 0)).scalar_subquery()
            attempt = {"owner": owner, "attempts": row["attempts"] + 1, "started_at": utc_now()}
            set_values(connection, row["id"], **attempt, **NO_STEP, status="running", lease_until=_lease())
            set_values(connection, row["id"], after_label=last_label)
            add_lines(connection, row["id"], [line(f"Taken by {owner}, attempt {attempt['attempts']}.")])
            return _record(row_of(connection, row["id"]))

    def renew(
        self,
        job: JobRecord,
        *,
        step: JobStep | None = None,
        lines: Sequence[LogLine] = (),
        cpu_s: float | None = None,
    ) -> None:
        """Extend the lease, and store the step, lines of the log, and the CPU time of all runs until now.

        Raises `JobLost` if another worker has the job, and `JobCancelled` if it was cancelled.
        """
        values = _cost(cpu_s)
        if step is not None:
            values |= {"progress": step.stage, "share": step.share, "left_s": step.left_s}
        if self._change(job, lines, lease_until=_lease(), **values)["cancel_requested_at"]:
            raise JobCancelled(job.id)

    def finish(
        self, job: JobRecord, result: dict[str, Any], *, lines: Sequence[LogLine] = (), cpu_s: float | None = None
    ) -> None:
        self._end(job, [*lines, line("Done.")], cpu_s, status="done", result=result)

    def fail(self, job: JobRecord, error: str, *, lines: Sequence[LogLine] = (), cpu_s: float | None = None) -> None:
        self._end(job, [*lines, line(error, "error")], cpu_s, status="failed", error=error)

    def release(self, job: JobRecord, *, lines: Sequence[LogLine] = (), cpu_s: float | None = None) -> None:
        """End the job if it was cancelled, else queue it again without counting the attempt."""
        with self._database.write() as connection:
            row = own_row(connection, job)
            add_lines(connection, job.id, lines)
            if row["cancel_requested_at"]:
                end_cancelled(connection, job.id, **_cost(cpu_s))
                return
            set_values(
                connection, job.id, **_cost(cpu_s), status="queued", attempts=job.attempts - 1, **NO_OWNER, **NO_STEP
            )
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

    def latest(self, model: str | None = None, *, limit: int = 20, before: int | None = None) -> list[JobRecord]:
        """Of a model or of all of them, most recent first; `before`: only those with a smaller id."""
        query = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        query = query if before is None else query.where(jobs.c.id < before)
        return self._select(query if model is None else query.where(jobs.c.model == model))

    def counts(self) -> dict[tuple[str, JobStatus], int]:
        """The number of jobs by model and status."""
        query = select(jobs.c.model, jobs.c.status, func.count()).group_by(jobs.c.model, jobs.c.status)
        with self._database.read() as connection:
            return {(model, status): count for model, status, count in connection.execute(query)}

    def _select(self, query: Select[Any]) -> list[JobRecord]:
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def _end(self, job: JobRecord, lines: Sequence[LogLine], cpu_s: float | None, **values: Any) -> None:
        self._change(job, lines, **values, **_cost(cpu_s), finished_at=utc_now(), lease_until=None, left_s=None)

    def _change(self, job: JobRecord, lines: Sequence[LogLine], **values: Any) -> RowMapping:
        """Change the job if it is still this worker's; returns its row."""
        with self._database.write() as connection:
            row = own_row(connection, job)
            set_values(connection, job.id, **values)
            add_lines(connection, job.id, lines)
        return row


def queued(connection: Connection, model: str, kind: str, payload: dict[str, Any] | None = None) -> JobRecord:
    """As `JobQueue.enqueue`, in the caller's transaction."""
    unfinished = select(jobs).where(
        jobs.c.model == model,
        jobs.c.kind == kind,
        jobs.c.status.in_(["queued", "running"]),
        jobs.c.cancel_requested_at.is_(None),
    )
    row = connection.execute(unfinished).mappings().first()
    if row is None:
        row = _insert(connection, model, kind, payload or {})
    elif payload and payload != row["payload"]:
        raise JobOptionsDiffer(row["id"], kind, model, row["status"], _options(row["payload"]))
    return _record(row)


def _insert(
    connection: Connection, model: str, kind: str, payload: dict[str, Any], *, reason: str | None = None
) -> RowMapping:
    row = {"model": model, "kind": kind, "status": "queued", "payload": payload, "attempts": 0, "reason": reason}
    found = connection.execute(insert(jobs).values(**row, created_at=utc_now()).returning(jobs)).mappings().one()
    by_loop = "" if reason is None else f" By the loop: {reason}"
    add_lines(connection, found["id"], [line(f"Queued.{by_loop}")])
    return found


def _cost(cpu_s: float | None) -> dict[str, Any]:
    return {} if cpu_s is None else {"cpu_s": cpu_s}


def _lease() -> float:
    return time.time() + LEASE_S


def _options(payload: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in payload.items()) or "the config's options"


def _record(row: RowMapping) -> JobRecord:
    return JobRecord(**{key: row[key] for key in JobRecord.__dataclass_fields__})
