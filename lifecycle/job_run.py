"""One run of a job by this worker: it keeps the lease, stores the steps, and looks at each one whether to go on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.errors import JobCancelled, JobInterrupted, JobLost, JobStopped, RetuneError
from core.jobs import JobQueue
from core.ledger_tables.job_log import line
from core.progress import Progress
from core.records import JobRecord, JobStep, LogLine
from lifecycle.cpu_time import CpuTime
from lifecycle.time_left import TimeLeft

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
STEP_S = 1.0
"""A stage is stored when it begins; its share, and whether the job was cancelled, at most this often."""
MAX_LINES = 500
"""Lines of the log from one run; more are dropped."""


class JobRun:
    """`step` is the job's `on_progress`."""

    def __init__(self, job: JobRecord, jobs: JobQueue, *, stop: threading.Event, shown: Progress) -> None:
        self.job = job
        self._jobs, self._stop, self._shown = jobs, stop, shown
        self._time_left, self._cpu = TimeLeft(), CpuTime(job.cpu_s or 0.0)
        self._stage, self._stored_s = "", 0.0
        self._lines: list[LogLine] = []
        self._line_count, self._is_failing = 0, False

    def step(self, stage: str, share: float) -> None:
        """Show and store where the job is.

        Raises `JobStopped` if the worker shall end, `JobCancelled`, or `JobLost`. A ledger that cannot be written ends
        no job: the lease decides whose it is. Nor does an output that nobody reads, such as a killed supervisor's.
        """
        with suppress(OSError):
            self._shown(stage, share)
        if self._stop.is_set():
            raise JobStopped(self.job.id)
        now_s = time.monotonic()
        left_s = self._time_left.after(stage, share, now_s=now_s)
        is_new = stage != self._stage
        if is_new:
            self._stage = stage
            self.note(line(stage, "stage"))
        if is_new or now_s >= self._stored_s + STEP_S:
            self._store(JobStep(stage, share, left_s))
            self._stored_s = time.monotonic()

    def note(self, entry: LogLine) -> None:
        """Add a line to the log with the next change of the job."""
        self._line_count += 1
        if self._line_count <= MAX_LINES:
            self._lines.append(entry)

    def taken_lines(self) -> list[LogLine]:
        """The lines that are not stored yet, for the change that stores them."""
        taken, self._lines = self._lines, []
        return taken

    @property
    def cpu_s(self) -> float:
        """CPU time of this run and of earlier runs of the job."""
        return self._cpu.used_s

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Within the context the lease is renewed, and warnings that are logged are lines of the job's log."""
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(ended,), name="heartbeat", daemon=True)
        handler = _Warnings(self)
        logging.getLogger().addHandler(handler)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            logging.getLogger().removeHandler(handler)

    def _store(self, step: JobStep) -> None:
        lines = self.taken_lines()
        try:
            self._jobs.renew(self.job, step=step, lines=lines, cpu_s=self._cpu.used_s)
            self._is_failing = False
        except JobInterrupted:
            raise
        except RetuneError as error:
            self._lines = [*lines, *self._lines]
            if not self._is_failing:
                log.warning("job %s: its steps are not stored: %s", self.job.id, error)
            self._is_failing = True

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT_S):
            try:
                self._jobs.renew(self.job, cpu_s=self._cpu.used_s)
            except JobLost:  # the job ends at its next step
                return
            except JobCancelled:  # it needs its lease until then
                continue
            except RetuneError as error:  # the next renewal may succeed
                log.warning("job %s: heartbeat failed: %s", self.job.id, error)


class _Warnings(logging.Handler):
    def __init__(self, run: JobRun) -> None:
        super().__init__(logging.WARNING)
        self._run = run
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._run.note(line(self.format(record), "error" if record.levelno >= logging.ERROR else "warning"))
