import multiprocessing
import os
import signal
import time

import pytest
from sqlalchemy import Connection, text, update

from core.config import Config
from core.errors import JobCancelled, JobEnded, JobLost, JobNotFound, JobOptionsDiffer
from core.job_rows import MAX_ATTEMPTS
from core.jobs import JobQueue
from core.ledger import Ledger, open_ledger
from core.ledger_tables.job_log import MAX_CHARS, erase_old_lines, line
from core.processes.owner import this_worker
from core.records import JobStep
from core.schema import job_log
from core.schema import jobs as table
from tests.core.earlier import of_an_earlier_release


@pytest.fixture
def queue(ledger: Ledger) -> JobQueue:
    return JobQueue(ledger)


def test_enqueueing_twice_makes_one_job(queue: JobQueue) -> None:
    assert queue.enqueue("m", "retrain").id == queue.enqueue("m", "retrain").id
    assert queue.enqueue("other", "retrain").id != queue.enqueue("m", "retrain").id


def test_enqueueing_with_other_options_than_a_queued_job_is_an_error(queue: JobQueue) -> None:
    job = queue.enqueue("m", "retrain", {"method": "full"})
    assert queue.enqueue("m", "retrain", {"method": "full"}).id == queue.enqueue("m", "retrain").id == job.id
    with pytest.raises(JobOptionsDiffer, match="queued already, with method full"):
        queue.enqueue("m", "retrain", {"method": "full", "budget": "5m"})


def test_one_job_per_model_runs_at_a_time(queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    queue.enqueue("m", "export")
    queue.enqueue("other", "retrain")
    taken = [queue.take(this_worker()) for _ in range(3)]
    assert [job and (job.model, job.kind) for job in taken] == [("m", "retrain"), ("other", "retrain"), None]


def test_a_finished_job_has_a_result(queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    job = queue.take(this_worker())
    assert job is not None
    queue.renew(job, step=JobStep("half-way", 0.5))
    queue.finish(job, {"version": "2"})
    ended = queue.get(job.id)
    assert (ended.status, ended.result, ended.progress) == ("done", {"version": "2"}, "half-way")
    assert queue.take(this_worker()) is None


def take_and_hang(config: Config) -> None:
    queue = JobQueue(open_ledger(config))
    assert queue.take(this_worker()) is not None
    time.sleep(60)


def kill_a_worker(config: Config, queue: JobQueue) -> None:
    process = multiprocessing.get_context("spawn").Process(target=take_and_hang, args=(config,))
    process.start()
    while queue.latest("m")[0].status != "running":
        assert process.is_alive()
        time.sleep(0.05)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()


def test_the_job_of_a_killed_worker_is_taken_again_at_once(config: Config, queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    kill_a_worker(config, queue)
    job = queue.take(this_worker())
    assert job is not None
    assert job.attempts == 2


def test_a_job_fails_after_the_last_attempt_with_a_reason(ledger: Ledger, queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    for _ in range(MAX_ATTEMPTS):
        assert queue.take("another-host/1/1") is not None
        expire_leases(ledger)
    assert queue.take(this_worker()) is None
    job = queue.latest("m")[0]
    assert job.status == "failed"
    assert job.error is not None
    assert "died" in job.error


def expire_leases(ledger: Ledger) -> None:
    with ledger.database.write() as connection:
        connection.execute(update(table).values(lease_until=0.0))


def test_a_worker_with_an_expired_lease_loses_its_job(ledger: Ledger, queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    first = queue.take("another-host/1/1")
    assert first is not None
    expire_leases(ledger)
    taken = queue.take(this_worker())
    assert taken is not None
    with pytest.raises(JobLost):
        queue.finish(first, {})
    queue.finish(taken, {"by": "the second"})
    assert queue.get(taken.id).result == {"by": "the second"}


def test_unknown_job_is_named(queue: JobQueue) -> None:
    with pytest.raises(JobNotFound, match="no job 99"):
        queue.get(99)


def test_a_queued_job_is_cancelled_at_once(queue: JobQueue) -> None:
    job = queue.enqueue("m", "retrain")
    assert queue.cancel(job.id).status == "cancelled"
    assert queue.take(this_worker()) is None
    with pytest.raises(JobEnded, match="is cancelled already"):
        queue.cancel(job.id)
    assert queue.enqueue("m", "retrain").id != job.id


def test_a_running_job_is_cancelled_when_its_worker_renews(queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    job = queue.take(this_worker())
    assert job is not None
    for _ in range(2):
        asked = queue.cancel(job.id)
        assert (asked.status, bool(asked.cancel_requested_at)) == ("running", True)
    later = queue.enqueue("m", "retrain", {"method": "full"})
    assert later.id != job.id
    with pytest.raises(JobCancelled, match="was cancelled"):
        queue.renew(job)
    queue.release(job)
    ended = queue.get(job.id)
    assert (ended.status, ended.owner, bool(ended.finished_at)) == ("cancelled", None, True)
    assert [entry.text.partition(" by")[0] for entry in queue.log(job.id)] == [
        "Queued.",
        "Taken",
        "To be cancelled at its next step.",
        "Cancelled.",
    ]


def test_a_cancelled_job_whose_worker_died_is_not_taken_again(ledger: Ledger, queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    job = queue.take("another-host/1/1")
    assert job is not None
    queue.cancel(job.id)
    expire_leases(ledger)
    assert queue.take(this_worker()) is None
    assert queue.get(job.id).status == "cancelled"


def test_the_job_of_a_dead_worker_is_cancelled_at_once(ledger: Ledger, queue: JobQueue) -> None:
    job = queue.enqueue("m", "retrain")
    queue.take("another-host/1/1")
    expire_leases(ledger)
    assert queue.cancel(job.id).status == "cancelled"


def test_a_job_that_was_done_before_its_cancellation_was_seen_is_done(queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    job = queue.take(this_worker())
    assert job is not None
    queue.cancel(job.id)
    queue.finish(job, {"version": "2"})
    assert queue.get(job.id).status == "done"


def test_a_released_job_is_taken_at_once_and_counts_no_attempt(queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    for _ in range(MAX_ATTEMPTS + 1):
        job = queue.take(this_worker())
        assert job is not None
        assert job.attempts == 1
        queue.renew(job, step=JobStep("gate", 0.5, 3.0))
        queue.release(job)
        released = queue.get(job.id)
        assert (released.status, released.attempts, released.owner, released.progress) == ("queued", 0, None, None)
        with pytest.raises(JobLost):
            queue.renew(job)


def test_the_log_of_a_job_has_its_lines_in_order_and_is_erased_by_age(ledger: Ledger, queue: JobQueue) -> None:
    queue.enqueue("m", "retrain")
    job = queue.take(this_worker())
    assert job is not None
    queue.renew(job, lines=[line("gate", "stage"), line("x" * (MAX_CHARS + 9) + "end", "warning")])
    queue.fail(job, "No space.")
    log = queue.log(job.id)
    assert [entry.level for entry in log] == ["note", "note", "stage", "warning", "error"]
    assert log[3].text.startswith("… x")
    assert log[3].text.endswith("end")
    with ledger.database.write() as connection:
        connection.execute(update(job_log).where(job_log.c.level != "error").values(created_at="2026-01-01"))
    assert erase_old_lines(ledger.database, 1) == 4
    assert [entry.text for entry in queue.log(job.id)] == ["No space."]


def test_jobs_of_an_earlier_release_are_read(config: Config) -> None:
    def fill(connection: Connection) -> None:
        for status, owner in (("done", "gone/1/1"), ("running", "gone/1/1"), ("queued", None)):
            connection.execute(
                text(
                    "INSERT INTO jobs (model, kind, status, payload, attempts, owner, lease_until, created_at) "
                    "VALUES (:model, 'retrain', :status, '{}', 1, :owner, 0, '2026-01-01')"
                ),
                {"model": status, "status": status, "owner": owner},
            )

    ledger = of_an_earlier_release(config, "0005", fill)
    queue = JobQueue(ledger)
    assert [(job.status, job.share, job.cancel_requested_at) for job in queue.latest()] == [
        ("queued", None, None),
        ("running", None, None),
        ("done", None, None),
    ]
    assert queue.log(1) == []
    taken = [queue.take(this_worker()) for _ in range(2)]
    assert [job and job.id for job in taken] == [2, 3]
    ledger.database.close()
