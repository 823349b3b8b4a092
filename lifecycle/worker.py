"""The worker: runs one job after another, and stores how each one ended."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from core.durable import detect_disk_full
from core.errors import JobInterrupted, RetuneError
from core.home import Home
from core.home_processes.pacing import NICENESS
from core.home_processes.threads import limited_threads, worker_threads
from core.isolated import isolated, sentence_of
from core.jobs import JobQueue
from core.processes.owner import this_worker
from core.progress import Progress
from core.records import JobRecord
from core.stored import as_stored
from lifecycle.job_run import JobRun
from lifecycle.retrain import retrain
from lifecycle.work_folder import ReservedSpace, remove_left_folders
from monitoring.alerts.courier import Courier

log = logging.getLogger(__name__)

End = Callable[..., None]
"""Changes the job in the queue: (job, lines, cpu_s) → None."""
KINDS: dict[str, Callable[..., Any]] = {"retrain": retrain}
"""Function of each kind of job: (job, home, on_progress) → result, a dataclass."""


def work(
    home: Home,
    *,
    stop: threading.Event,
    once: bool,
    poll_s: float,
    progress_shown: Callable[[], AbstractContextManager[Progress]],
    on_end: Callable[[JobRecord], None],
) -> list[JobRecord]:
    """Run jobs until `stop` is set, or with `once` until the queue is empty; return the jobs that ended.

    `on_end` also gets a job that was queued again because of `stop`. Lowers the priority of this process below that of
    the server.
    """
    os.nice(NICENESS)
    ended: list[JobRecord] = []
    with Courier(home) as courier:
        while not stop.is_set():
            with progress_shown() as progress:
                job = run_next(home, stop=stop, progress=progress)
            if job is not None:
                ended += [job] if job.status != "queued" else []
                courier.tell(job.model)
                on_end(job)
            elif once or stop.wait(poll_s):
                break
    return ended


def run_next(home: Home, *, stop: threading.Event, progress: Progress) -> JobRecord | None:
    """Take the oldest queued job and run it to its end; None if the queue is empty.

    If `stop` is set, the job ends at its next step and is queued again. An error of the job is stored with the job and
    does not stop the worker.
    """
    jobs = home.jobs
    remove_left_folders(home)
    job = jobs.take(this_worker())
    if job is None:
        return None
    run = JobRun(job, jobs, stop=stop, shown=progress)
    end = partial(_store_end, run, ReservedSpace(home, job.id))
    with run.alive(), limited_threads(worker_threads(home.config)):
        try:
            _run(run, jobs, home, end)
        except KeyboardInterrupt:
            end(jobs.release)
            raise
    return jobs.get(job.id)


def _run(run: JobRun, jobs: JobQueue, home: Home, end: Callable[[End], None]) -> None:
    job = run.job

    def ended(error: BaseException) -> None:
        if isinstance(error, JobInterrupted):
            end(jobs.release)
        elif isinstance(error, RetuneError):
            end(partial(jobs.fail, error=str(error)))
        else:
            log.error("job %s failed", job.id, exc_info=error)
            sentence = f"{sentence_of(error)}. This is a bug in Retune; 'retune jobs log {job.id}' has the details."
            end(partial(jobs.fail, error=sentence))

    results = []
    with isolated(ended), detect_disk_full(home.folder):
        results.append(KINDS[job.kind](job, home, on_progress=run.step))
    for result in results:
        end(partial(jobs.finish, result=as_stored(result)))


def _store_end(run: JobRun, space: ReservedSpace, change: End) -> None:
    """Store how the run ended. Where that fails, the job is taken again when its lease has expired."""
    space.release()
    try:
        change(run.job, lines=run.taken_lines(), cpu_s=run.cpu_s)
    except RetuneError as error:
        log.error("job %s: the end of this run is not stored: %s", run.job.id, error)
