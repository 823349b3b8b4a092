from __future__ import annotations

import multiprocessing
import os
import threading
from contextlib import nullcontext
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest

from core.config import Config
from core.home import Home
from core.progress import Progress, ignore
from core.records import JobRecord
from lifecycle import worker


def report_niceness(job: JobRecord, home: Home, *, on_progress: Progress) -> dict[str, Any]:
    on_progress("Looking", 0.5)
    return {"niceness": os.nice(0)}


def run_all(home: Home) -> list[JobRecord]:
    return worker.work(
        home,
        stop=threading.Event(),
        once=True,
        poll_s=0.1,
        progress_shown=lambda: nullcontext(ignore),
        on_end=lambda _: None,
    )


def run_two_jobs(folder: Path, results: Queue[list[int]]) -> None:
    worker.KINDS = {"retrain": report_niceness}
    home, before = Home(Config(home=folder)), os.nice(0)
    for model in ("one", "another"):
        home.jobs.enqueue(model, "retrain")
    results.put([(job.result or {})["niceness"] - before for job in run_all(home)])


def test_a_worker_lowers_its_priority_only_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: Queue[list[int]] = context.Queue()
    process = context.Process(target=run_two_jobs, args=(tmp_path, results))
    process.start()
    assert results.get(timeout=120) == [worker.NICENESS] * 2
    process.join()


def test_a_failed_job_has_a_reason_and_the_next_job_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(job: JobRecord, home: Home, *, on_progress: Progress) -> dict[str, Any]:
        raise ValueError("no such luck")

    monkeypatch.setattr(worker, "KINDS", {"retrain": fail, "look": report_niceness})
    monkeypatch.setattr("os.nice", lambda _: 0)
    home.jobs.enqueue("m", "retrain")
    home.jobs.enqueue("m", "look")
    failed, done = run_all(home)
    assert (failed.status, done.status, done.progress) == ("failed", "done", "Looking")
    assert "ValueError: no such luck" in str(failed.error)
