"""The worker: runs one job after another and renews its lease, so that a job of a dead worker can be taken again."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from core.errors import RetuneError
from core.home import Home
from core.isolated import isolated
from core.jobs import JobQueue, this_worker
from core.progress import Progress
from core.records import JobRecord
from core.stored import as_stored
from lifecycle.retrain import retrain

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
NICENESS = 10
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

    Lowers the priority of this process below that of the server.
    """
    os.nice(NICENESS)
    ended: list[JobRecord] = []
    while not stop.is_set():
        with progress_shown() as progress:
            job = run_next(home, progress=progress)
        if job is not None:
            ended.append(job)
            on_end(job)
        elif once or stop.wait(poll_s):
            break
    return ended


def run_next(home: Home, *, progress: Progress) -> JobRecord | None:
    """Take the oldest queued job and run it to its end; None if the queue is empty.

    An error of the job is stored with the job and does not stop the worker.
    """
    jobs = home.jobs
    job = jobs.take(this_worker())
    if job is None:
        return None
    with _heartbeat(jobs, job):
        _run(job, jobs, home, progress)
    return jobs.get(job.id)


def _run(job: JobRecord, jobs: JobQueue, home: Home, progress: Progress) -> None:
    def report(stage: str, share: float) -> None:
        progress(stage, share)
        jobs.renew(job, progress=stage)

    def failed(error: BaseException) -> None:
        if isinstance(error, RetuneError):
            jobs.fail(job, str(error))
            return
        log.error("job %s failed", job.id, exc_info=error)
        jobs.fail(job, f"{type(error).__name__}: {error}. This is a bug in Retune; the worker's log has the details.")

    results = []
    with isolated(failed):
        results.append(KINDS[job.kind](job, home, on_progress=report))
    for result in results:
        jobs.finish(job, as_stored(result))


@contextmanager
def _heartbeat(jobs: JobQueue, job: JobRecord) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_S):
            try:
                jobs.renew(job)
            except RetuneError as error:  # the next renewal may succeed; a lost job ends at its next step
                log.warning("job %s: heartbeat failed: %s", job.id, error)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
