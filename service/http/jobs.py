"""The routes for operators about the worker's jobs: what became of them, their logs, and how to cancel one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.audit.entries import Actor
from core.errors import JobNotFound
from core.home import Home
from core.job_json import job_json
from core.records import JobRecord
from service.access.actor import actor_of
from service.fields import require_empty
from service.http.envelope import json_response
from service.http.route import Operation, Route
from service.recording.audit import audited
from service.worker import Worker

LATEST = 50
MAX_ID_DIGITS, SHOWN_CHARS = 9, 32
ALL_JOBS = Operation("The latest jobs of all models", "JobStates")
ONE_JOB = Operation("A job and its log", "JobStateAndLog")
CANCEL = Operation("Cancel a job: at once if it is queued, else at its next step", "JobState", refusals=["409"])


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._home = worker.home
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [
            Route("/admin/jobs", self.jobs, scope="admin", operation=ALL_JOBS),
            Route("/admin/jobs/{id}", self.job, scope="admin", operation=ONE_JOB),
            Route("/admin/jobs/{id}/cancel", self.cancel, method="POST", scope="admin", operation=CANCEL),
        ]

    async def jobs(self, _: Request) -> Response:
        return json_response({"jobs": await self._run(latest_jobs, self._home)})

    async def job(self, request: Request) -> Response:
        return json_response(await self._run(job_and_log, self._home, job_id_in(request)))

    async def cancel(self, request: Request) -> Response:
        require_empty(await request.body())
        job = await self._run(cancel_job, self._home, job_id_in(request), actor_of(request))
        return json_response(job_json(job))


def cancel_job(home: Home, job_id: int, actor: Actor) -> JobRecord:
    """Raises `JobNotFound` or `JobEnded`."""
    job = home.jobs.cancel(job_id)
    audited(home, actor, "cancel_job", job.model, {"job": job.id})
    return job


def latest_jobs(home: Home) -> list[dict[str, Any]]:
    return [job_json(job) for job in home.jobs.latest(limit=LATEST)]


def job_and_log(home: Home, job_id: int) -> dict[str, Any]:
    """Raises `JobNotFound`."""
    return {**job_json(home.jobs.get(job_id)), "log": [vars(entry) for entry in home.jobs.log(job_id)]}


def job_id_in(request: Request) -> int:
    """The id in the path; raises `JobNotFound` for what cannot be one."""
    written = request.path_params["id"]
    if not (written.isascii() and written.isdigit() and len(written) <= MAX_ID_DIGITS):
        raise JobNotFound(repr(written[:SHOWN_CHARS]))
    return int(written)
