"""The worker: takes one job after another, says that it lives, and leaves every job ended or retakable."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import RetuneError
from core.home import Home
from core.jobs import JobQueue, this_worker
from core.records import JobRecord
from lifecycle.pipeline import Progress, retrain

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
KINDS = {"retrain": retrain}


def run_next(home: Home, *, progress: Progress) -> JobRecord | None:
    """Take the oldest waiting job and run it to its end; None when nothing waits.

    A job's own error is written to the job; it does not stop the worker.
    """
    jobs = home.jobs
    job = jobs.take(this_worker())
    if job is None:
        return None
    os.nice(10)  # answering requests comes first
    with _heartbeat(jobs, job):
        _run(job, jobs, home, progress)
    return jobs.get(job.id)


def _run(job: JobRecord, jobs: JobQueue, home: Home, progress: Progress) -> None:
    def report(stage: str) -> None:
        progress(stage)
        jobs.renew(job, progress=stage)

    try:
        result = KINDS[job.kind](job, home, progress=report)
    except RetuneError as error:
        jobs.fail(job, str(error))
    except Exception as error:
        log.exception("job %s failed", job.id)
        jobs.fail(job, f"{type(error).__name__}: {error}. This is a fault in Retune; the worker's log has the details.")
    else:
        jobs.finish(job, result)


@contextmanager
def _heartbeat(jobs: JobQueue, job: JobRecord) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_S):
            try:
                jobs.renew(job)
            except RetuneError as error:  # the next beat may succeed; a lost job ends at its next step
                log.warning("job %s: heartbeat failed: %s", job.id, error)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
