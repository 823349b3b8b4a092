"""The pages of jobs: where they are, their logs, and the button to cancel one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from core.home import Home
from core.records import JobRecord, LogLine
from service.access.actor import actor_of
from service.http.jobs import cancel_job, job_id_in
from service.http.route import Route
from service.pages.shell import Form, Shell, to_page
from service.worker import Worker

LATEST = 50


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [
            self._shell.page("/-/jobs", self.all_jobs),
            self._shell.page("/-/jobs/{id}", self.job),
            self._shell.change("/{model}/jobs/{id}/cancel", self.cancel),
        ]

    async def all_jobs(self, request: Request) -> Response:
        jobs = await self._run(lambda: self._home.jobs.latest(limit=LATEST))
        return self._shell.render(request, "jobs.html", jobs=jobs)

    async def job(self, request: Request) -> Response:
        job, log = await self._run(_job_and_log, self._home, job_id_in(request))
        return self._shell.render(request, "job.html", job=job, log=log)

    async def cancel(self, request: Request, form: Form) -> Response:
        job = await self._run(cancel_job, self._home, job_id_in(request), actor_of(request))
        return to_page("-", "jobs", str(job.id)) if form.get("from") == "job" else to_page(job.model)


def _job_and_log(home: Home, job_id: int) -> tuple[JobRecord, list[LogLine]]:
    """Raises `JobNotFound`."""
    return home.jobs.get(job_id), home.jobs.log(job_id)
