"""Following a job to its end."""

from __future__ import annotations

import sys
import time

from cli.context import Run, info, progress_shown
from cli.job_sentences import named
from core.duration import in_words
from core.job_rows import is_lost
from core.records import JobRecord

POLL_S = 0.5


def follow(run: Run, job: JobRecord, *, start_within_s: float) -> JobRecord:
    """Show the stages of the job until it has ended, and return it.

    Says once how to start a worker if none has the job for `start_within_s` seconds. Ctrl-C leaves the job as it is.
    """
    waits_since: float | None = time.monotonic()
    is_told = False
    try:
        with progress_shown() as show:
            while (job := run.home.jobs.get(job.id)).is_unfinished:
                if job.status == "running" and not is_lost(job):
                    waits_since = None
                    show(*_step(job))
                else:
                    waits_since = waits_since or time.monotonic()
                    if not is_told and time.monotonic() - waits_since >= start_within_s:
                        is_told = True
                        info(_no_worker(run, job, start_within_s))
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        info(
            f"{named(job)} goes on. See it: {run.hint('jobs', job.model)}. End it: {run.hint('jobs', 'cancel', job.id)}"
        )
        raise
    return job


def _step(job: JobRecord) -> tuple[str, float]:
    stage = job.progress or "starting"
    if job.left_s is not None and sys.stderr.isatty():  # elsewhere each new text is a line
        stage += f", about {in_words(job.left_s)} left"
    return stage, job.share or 0.0


def _no_worker(run: Run, job: JobRecord, waited_s: float) -> str:
    others = [other for other in run.home.jobs.running() if other.id != job.id and not is_lost(other)]
    if others:
        return f"{named(job)} waits: {named(others[0])} is running. Another worker: {run.hint('worker', '--once')}"
    return f"No worker has taken {named(job)} for {waited_s:g} s. It waits. Start one: {run.hint('worker', '--once')}"
