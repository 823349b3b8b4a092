"""Two processes that write at the same time, on every database: one waits for the other."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import numpy as np
import pytest

from core.clock import utc_now
from core.config import Config
from core.database import Database
from core.errors import LabelRuleRefused, LedgerUnreadable
from core.jobs import JobQueue
from core.ledger import Ledger, open_ledger
from core.processes.owner import this_worker
from core.records import FeedbackRecord, PredictionRecord, Wanted
from core.taxonomy import LabelRule

ROUNDS, PROCESSES = 20, 2
Act = Callable[[Ledger, int], object]


def enqueue(ledger: Ledger, number: int) -> int:
    return JobQueue(ledger).enqueue(f"m{number}", "retrain").id


def take(ledger: Ledger, number: int) -> int | None:
    job = JobQueue(ledger).take(this_worker())
    return job.id if job else None


def give_feedback(ledger: Ledger, number: int) -> bool:
    return ledger.record_feedback([FeedbackRecord(f"{number:032x}", "a")])[0]


def request_labels(ledger: Ledger, number: int) -> None:
    ledger.request_labels("m", [Wanted(f"{key:032x}", "learn") for key in range(ROUNDS)], check_id=number)


def rename(ledger: Ledger, number: int, old: str = "a", new: str = "b") -> bool:
    return is_added(ledger, number, LabelRule("rename", old, new))


def rename_back(ledger: Ledger, number: int) -> bool:
    return rename(ledger, number, "b", "a")


def restore_rename(ledger: Ledger, number: int) -> bool:
    """Undo the undo of a rename from "a" to "b"."""
    return is_added(ledger, number, LabelRule("undo", "", undoes=2 * number + 2))


def is_added(ledger: Ledger, number: int, rule: LabelRule) -> bool:
    try:
        ledger.rules.add(f"m{number}", rule)
    except LabelRuleRefused:
        return False
    return True


def act_in_rounds(config: Config, act: Act, barrier: Barrier, results: Queue[list[object]]) -> None:
    answers: list[object] = []
    try:
        ledger = open_ledger(config)
        for number in range(ROUNDS):
            barrier.wait(60)
            answers.append(act(ledger, number))
    except Exception as error:
        answers.append(f"{type(error).__name__}: {error}")
        barrier.abort()
    results.put(answers)


def race(config: Config, act: Act, other: Act | None = None) -> list[list[object]]:
    """The results of each process by round; an error ends the race. `other`: what the second process does."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(PROCESSES), context.Queue()
    processes: list[SpawnProcess] = [
        context.Process(target=act_in_rounds, args=(config, each, barrier, results)) for each in (act, other or act)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    return answers


@pytest.fixture
def predicted(ledger: Ledger) -> None:
    embedding = np.zeros(2, dtype=np.float32)
    ledger.record_predictions(
        [
            PredictionRecord(f"{number:032x}", "m", "1", utc_now(), "hello", "a", 0.5, 3, False, embedding)
            for number in range(ROUNDS)
        ]
    )


def test_two_processes_that_enqueue_a_job_make_one(config: Config, ledger: Ledger) -> None:
    one, other = race(config, enqueue)
    assert one == other
    assert len(set(one)) == ROUNDS


def test_a_job_is_taken_by_one_worker(config: Config, ledger: Ledger) -> None:
    queued = {JobQueue(ledger).enqueue(f"m{number}", "retrain").id for number in range(ROUNDS)}
    taken = [job for answers in race(config, take) for job in answers if isinstance(job, int)]
    assert sorted(taken) == sorted(queued)


@pytest.mark.usefixtures("predicted")
def test_the_same_feedback_from_two_processes_is_stored_once(config: Config, ledger: Ledger) -> None:
    assert race(config, give_feedback) == [[True] * ROUNDS] * PROCESSES
    assert len(ledger.labelled("m")) == ROUNDS


@pytest.mark.usefixtures("predicted")
def test_label_requests_of_two_processes_replace_each_other_completely(config: Config, ledger: Ledger) -> None:
    race(config, request_labels)
    assert [item.prediction_id for item in ledger.label_requests("m")] == [f"{key:032x}" for key in range(ROUNDS)]


@pytest.mark.parametrize(("act", "other"), [(rename, rename_back), (restore_rename, rename_back), (rename, rename)])
def test_of_two_rules_that_contradict_each_other_one_is_added(
    config: Config, ledger: Ledger, act: Act, other: Act
) -> None:
    if act is restore_rename:
        for number in range(ROUNDS):
            rename(ledger, number)
            is_added(ledger, number, LabelRule("undo", "", undoes=2 * number + 1))
    answers = race(config, act, other)
    assert [sum(map(bool, pair)) for pair in zip(*answers, strict=True)] == [1] * ROUNDS


def test_a_writer_gives_up_after_its_timeout(config: Config, ledger: Ledger) -> None:
    impatient = Database(config.ledger_url, busy_s=0.1)
    with ledger.database.write(), pytest.raises(LedgerUnreadable), impatient.write():
        raise AssertionError("two writers at once")
    impatient.close()
