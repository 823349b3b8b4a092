from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from core.config import Config, WorkerConfig
from core.cpu import available_cpus
from core.home import Home
from core.home_processes.pacing import NICENESS
from core.progress import Progress, ignore
from core.records import Evidence, JobRecord
from core.schema import jobs
from lifecycle import worker
from lifecycle.job_run import MAX_LINES
from lifecycle.work_folder import remove_left_folders, work_folder
from lifecycle.worker import run_next


def report_niceness(job: JobRecord, home: Home, *, on_progress: Progress) -> dict[str, Any]:
    on_progress("Looking", 0.5)
    return {"niceness": os.nice(0)}


def run_all(home: Home, stop: threading.Event | None = None) -> list[JobRecord]:
    return worker.work(
        home,
        stop=stop or threading.Event(),
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
    assert results.get(timeout=120) == [NICENESS] * 2
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


Work = Callable[[JobRecord, Home, Progress], object]


@pytest.fixture
def working(home: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], JobRecord]:
    """Queues a job that does what it is given, in a work folder with a file."""
    monkeypatch.setattr("os.nice", lambda _: 0)

    def prepared(work: Work) -> JobRecord:
        def run(job: JobRecord, home: Home, *, on_progress: Progress) -> Evidence:
            with work_folder(home, job.id) as folder:
                folder.mkdir(parents=True)
                (folder / "half").write_text("written")
                on_progress("first", 0.25)
                work(job, home, on_progress)
                on_progress("last", 0.5)
            return Evidence("done")

        monkeypatch.setattr(worker, "KINDS", {"retrain": run})
        return home.jobs.enqueue("m", "retrain")

    return prepared


def texts(home: Home, job: JobRecord) -> list[str]:
    return [entry.text.partition(" by ")[0] for entry in home.jobs.log(job.id)]


def test_a_cancelled_job_ends_at_its_next_step_and_leaves_nothing(
    home: Home, working: Callable[[Work], JobRecord]
) -> None:
    job = working(lambda job, home, _: home.jobs.cancel(job.id))
    (ended,) = run_all(home)
    assert (ended.status, ended.error, ended.result) == ("cancelled", None, None)
    assert list((home.folder / "work").iterdir()) == []
    assert texts(home, job)[-4:] == ["first", "To be cancelled at its next step.", "last", "Cancelled."]


def test_a_worker_that_is_told_to_end_leaves_its_job_queued(home: Home, working: Callable[[Work], JobRecord]) -> None:
    stop = threading.Event()
    job = working(lambda job, home, _: stop.set())
    assert run_all(home, stop) == []
    left = home.jobs.get(job.id)
    assert (left.status, left.attempts, left.owner) == ("queued", 0, None)
    assert list((home.folder / "work").iterdir()) == []
    (ended,) = run_all(home)
    assert (ended.id, ended.status, ended.attempts) == (job.id, "done", 1)


def test_an_interrupted_worker_leaves_its_job_queued(home: Home, working: Callable[[Work], JobRecord]) -> None:
    def interrupt(job: JobRecord, home: Home, on_progress: Progress) -> None:
        raise KeyboardInterrupt

    job = working(interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_all(home)
    assert home.jobs.get(job.id).status == "queued"


def test_a_job_that_another_worker_took_is_left_to_it(home: Home, working: Callable[[Work], JobRecord]) -> None:
    def lose(job: JobRecord, home: Home, on_progress: Progress) -> None:
        with home.ledger.database.write() as connection:
            connection.execute(update(jobs).values(lease_until=0.0))
        assert home.jobs.take("another-host/1/1") is not None

    job = working(lose)
    run_all(home)
    taken = home.jobs.get(job.id)
    assert (taken.status, taken.owner, taken.attempts) == ("running", "another-host/1/1", 2)


def test_stages_are_stored_with_share_and_time_left(home: Home, working: Callable[[Work], JobRecord]) -> None:
    seen: list[JobRecord] = []

    def look(job: JobRecord, home: Home, on_progress: Progress) -> None:
        for number in range(2):
            on_progress(f"part: {number}", 0.5 * number)
            seen.append(home.jobs.get(job.id))

    working(look)
    run_all(home)
    assert [(job.progress, job.share) for job in seen] == [("part: 0", 0.0), ("part: 1", 0.5)]
    assert seen[0].left_s is None
    assert seen[1].left_s is not None


def test_warnings_and_tracebacks_are_in_the_log_of_the_job(home: Home, working: Callable[[Work], JobRecord]) -> None:
    def warn_and_fail(job: JobRecord, home: Home, on_progress: Progress) -> None:
        logging.getLogger("elsewhere").warning("the cache is %s", "damaged")
        raise ValueError("no such luck")

    job = working(warn_and_fail)
    (ended,) = run_all(home)
    assert "retune jobs log 1" in str(ended.error)
    levels = {entry.level: entry.text for entry in home.jobs.log(job.id)}
    assert levels["warning"] == "the cache is damaged"
    assert any("in warn_and_fail" in entry.text for entry in home.jobs.log(job.id) if entry.level == "error")


def test_the_lines_of_a_log_are_bounded(home: Home, working: Callable[[Work], JobRecord]) -> None:
    def warn(job: JobRecord, home: Home, on_progress: Progress) -> None:
        for number in range(2 * MAX_LINES):
            logging.getLogger("elsewhere").warning("warning %d", number)

    job = working(warn)
    run_all(home)
    assert MAX_LINES <= len(home.jobs.log(job.id)) < MAX_LINES + 10
    assert home.jobs.log(job.id)[-1].text == "Done."


def test_a_ledger_that_cannot_be_written_at_a_step_ends_no_job(
    home: Home, working: Callable[[Work], JobRecord]
) -> None:
    def rename(job: JobRecord, home: Home, on_progress: Progress) -> None:
        with home.ledger.database.write() as connection:
            connection.execute(text("ALTER TABLE jobs RENAME COLUMN share TO gone"))
        on_progress("unseen", 0.5)
        with home.ledger.database.write() as connection:
            connection.execute(text("ALTER TABLE jobs RENAME COLUMN gone TO share"))

    job = working(rename)
    (ended,) = run_all(home)
    assert ended.status == "done"
    log = texts(home, job)
    assert {"first", "unseen", "last"} <= set(log)
    assert any("its steps are not stored" in entry for entry in log)


def test_folders_of_jobs_that_ended_elsewhere_are_removed(home: Home) -> None:
    job, running = (home.jobs.enqueue(model, "retrain") for model in ("m", "n"))
    home.jobs.cancel(job.id)
    for name in (f"job-{job.id}", f"job-{running.id}", "job-99", "mine"):
        (home.folder / "work" / name).mkdir(parents=True)
    (home.folder / "work" / f"reserve-{job.id}").write_bytes(b"x")
    remove_left_folders(home)
    assert {path.name for path in (home.folder / "work").iterdir()} == {f"job-{running.id}", "job-99", "mine"}


def test_an_error_that_means_a_full_disk_is_one_sentence(home: Home, working: Callable[[Work], JobRecord]) -> None:
    def fill(job: JobRecord, home: Home, on_progress: Progress) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    working(fill)
    (ended,) = run_all(home)
    assert ended.status == "failed"
    assert str(ended.error).startswith("No space is left to write")
    assert "bug" not in str(ended.error)


def test_a_job_runs_with_the_threads_of_the_config(home: Home, working: Callable[[Work], JobRecord]) -> None:
    counts: list[int] = []
    working(lambda job, home, _: counts.append(available_cpus()))
    run_all(Home(home.config.model_copy(update={"worker": WorkerConfig(threads=1)})))
    assert counts == [1]


def test_an_output_that_nobody_reads_fails_no_job(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_stage: str, _share: float) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(worker, "KINDS", {"retrain": report_niceness})
    home.jobs.enqueue("m", "retrain")
    job = worker.run_next(home, stop=threading.Event(), progress=broken)
    assert job is not None
    assert (job.status, job.error) == ("done", None)


def test_the_cpu_time_of_all_runs_of_a_job_is_stored(home: Home, working: Callable[[Work], JobRecord]) -> None:
    stop = threading.Event()

    def burn(_job: JobRecord, _home: Home, _on_progress: Progress) -> None:
        until_s = os.times().user + 0.1
        while os.times().user < until_s:
            pass
        stop.set()

    job = working(burn)
    assert run_next(home, stop=stop, progress=ignore) is not None
    first_s = home.jobs.get(job.id).cpu_s or 0.0
    assert (home.jobs.get(job.id).status, first_s >= 0.1) == ("queued", True)
    assert run_next(home, stop=threading.Event(), progress=ignore) is not None
    assert (home.jobs.get(job.id).cpu_s or 0.0) >= first_s + 0.1
