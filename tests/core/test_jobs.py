import multiprocessing
import os
import signal
import time

import pytest
from sqlalchemy import update

from core.config import Config
from core.errors import JobLost, JobNotFound, JobOptionsDiffer
from core.jobs import MAX_ATTEMPTS, JobQueue, this_worker
from core.ledger import Ledger, open_ledger
from core.schema import jobs as table


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
    queue.renew(job, progress="half-way")
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
