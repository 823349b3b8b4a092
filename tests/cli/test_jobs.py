"""`retune jobs`, and a retrain that is followed to its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.jobs import JobQueue
from core.ledger import Ledger
from core.processes.owner import this_worker
from core.records import GateAnswer, GateVerdict, JobRecord, JobStep, RetrainResult
from core.stored import as_stored
from tests.cli.conftest import Command
from tests.cli.test_errors import assert_error

Meanwhile = Callable[..., None]


@pytest.fixture
def queue(ledger: Ledger) -> JobQueue:
    return JobQueue(ledger)


@pytest.fixture
def model(retune: Command, tiny_package: Path) -> str:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    return "m"


def taken(queue: JobQueue) -> JobRecord:
    job = queue.take(this_worker())
    assert job is not None
    return job


def result(answer: GateAnswer) -> dict[str, Any]:
    found: dict[str, Any] = as_stored(RetrainResult("2", answer == "promote", "So it is.", GateVerdict(answer)))
    return found


def test_jobs_are_listed_with_what_became_of_them(retune: Command, queue: JobQueue, model: str) -> None:
    queue.enqueue(model, "retrain")
    queue.fail(taken(queue), "No space is left.")
    queue.enqueue(model, "retrain")
    queue.finish(taken(queue), result("promote"))
    queue.enqueue(model, "retrain")
    queue.renew(taken(queue), step=JobStep("finetune: Fine-tuning", 0.43, 100.0))
    queue.enqueue("other", "retrain")
    lines = retune("jobs")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["4", "3", "2", "1"]
    assert lines[0].endswith("retrain other  queued")
    assert lines[1].endswith("retrain m  running: finetune: Fine-tuning 43 %, about 2 min left")
    assert lines[2].endswith("done: version 2 promoted. So it is.")
    assert lines[3].endswith("failed: No space is left.")
    listed = json.loads(retune("jobs", model, "--json")[1])["jobs"]
    assert [(job["job"], job["status"], job["stage"], job["share"], job["left_s"]) for job in listed] == [
        (3, "running", "finetune: Fine-tuning", 0.43, 100.0),
        (2, "done", None, None, None),
        (1, "failed", None, None, None),
    ]
    assert listed[1]["outcome"] == {"version": "2", "promoted": True, "gate": "promote", "reason": "So it is."}
    assert listed[2]["error"] == "No space is left."
    assert len(json.loads(retune("jobs", "list", "--limit", "2", "--json")[1])["jobs"]) == 2


def test_looking_for_jobs_where_none_are_makes_no_home(retune: Command, home: Path) -> None:
    assert retune("jobs")[1].startswith("No job is in sqlite:///")
    assert_error(retune("jobs", "cancel", "1"), "There is no job 1.")
    assert_error(retune("jobs", "log", "1"), "There is no job 1.")
    assert_error(retune("jobs", "m"), "'m'")
    assert not home.exists()


def test_a_job_is_cancelled(retune: Command, queue: JobQueue, model: str) -> None:
    queue.enqueue(model, "retrain")
    job = taken(queue)
    assert retune("jobs", "cancel", "1")[1] == "Job 1 (retrain m) will be cancelled at its next step.\n"
    assert retune("jobs")[1].endswith("running: starting, to be cancelled at its next step\n")
    queue.release(job)
    assert_error(retune("jobs", "cancel", "1"), "is cancelled already")
    queue.enqueue(model, "retrain")
    code, out, _ = retune("jobs", "cancel", "2", "--json")
    assert (code, json.loads(out)["status"]) == (0, "cancelled")


def test_the_log_of_a_job_is_printed(retune: Command, queue: JobQueue, model: str) -> None:
    queue.enqueue(model, "retrain")
    queue.fail(taken(queue), "No space is left.")
    lines = retune("jobs", "log", "1")[1].splitlines()
    assert lines[0].endswith("  Queued.")
    assert lines[2].endswith("  ERROR No space is left.")
    log = json.loads(retune("jobs", "log", "1", "--json")[1])["log"]
    assert [entry["level"] for entry in log] == ["note", "note", "error"]


def test_a_job_whose_worker_died_says_so(retune: Command, queue: JobQueue, model: str) -> None:
    queue.enqueue(model, "retrain")
    assert queue.take("another-host/1/1") is not None
    assert "worker died" not in retune("jobs")[1]
    with queue._database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET lease_until = 0")
    assert "its worker died; the next worker takes it again" in retune("jobs")[1]


def test_decisions_say_why_a_job_failed(retune: Command, queue: JobQueue, model: str) -> None:
    queue.enqueue(model, "retrain")
    queue.fail(taken(queue), "No space is left.")
    assert "1 retrain: failed: No space is left." in retune("decisions", model)[1]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """`meanwhile(a, b)`: what others do between two looks at the job that is followed."""

    def prepare(*actions: Callable[[], object]) -> None:
        left = iter(actions)
        monkeypatch.setattr("time.sleep", lambda _: next(left)())

    return prepare


@pytest.mark.parametrize(("answer", "code"), [("promote", 0), ("hold", 0), ("reject", 3)])
def test_a_retrain_is_followed_to_its_outcome(
    retune: Command, queue: JobQueue, model: str, meanwhile: Meanwhile, answer: GateAnswer, code: int
) -> None:
    def run() -> None:
        job = taken(queue)
        queue.renew(job, step=JobStep("gate", 0.0))

    meanwhile(run, lambda: queue.finish(queue.running()[0], result(answer)))
    found, out, err = retune("retrain", model, "--wait")
    promoted = "promoted" if answer == "promote" else "not promoted"
    assert (found, out) == (code, f"Job 1 (retrain m): version 2 {promoted}. So it is.\n")
    assert err == "gate\n"


def test_a_failed_and_a_cancelled_retrain_exit_with_1(
    retune: Command, queue: JobQueue, model: str, meanwhile: Meanwhile
) -> None:
    meanwhile(lambda: queue.fail(taken(queue), "No space is left."))
    code, out, _ = retune("retrain", model, "--wait", "--json")
    assert (code, json.loads(out)["error"]) == (1, "No space is left.")
    meanwhile(lambda: queue.cancel(2))
    assert retune("retrain", model, "--wait")[:2] == (1, "Job 2 (retrain m) is cancelled.\n")


def test_without_a_worker_the_wait_says_how_to_start_one(
    retune: Command, queue: JobQueue, model: str, meanwhile: Meanwhile, home: Path
) -> None:
    meanwhile(lambda: None, lambda: None, lambda: queue.cancel(1))
    _, _, err = retune("retrain", model, "--wait", "--start-within", "0")
    assert err.splitlines() == [
        f"No worker has taken Job 1 (retrain m) for 0 s. It waits. Start one: retune --home {home} worker --once"
    ]


def test_a_busy_worker_is_named(retune: Command, queue: JobQueue, model: str, meanwhile: Meanwhile) -> None:
    queue.enqueue("other", "retrain")
    taken(queue)
    meanwhile(lambda: queue.cancel(2))
    err = retune("retrain", model, "--wait", "--start-within", "0")[2]
    assert err.startswith("Job 2 (retrain m) waits: Job 1 (retrain other) is running.")


def test_ctrl_c_leaves_the_job(retune: Command, queue: JobQueue, model: str, meanwhile: Meanwhile) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    meanwhile(interrupt)
    code, _, err = retune("retrain", model, "--wait")
    assert code == 130
    assert "Job 1 (retrain m) goes on." in err
    assert queue.get(1).status == "queued"
