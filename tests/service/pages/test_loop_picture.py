from __future__ import annotations

from typing import Any

import pytest

from core.ledger_tables.guards import Guard
from core.ledger_tables.proposals import Proposal
from core.loop.standing import Held
from core.records import CheckRecord, Decision, DecisionRecord, JobRecord, PromotionRecord, Verdict
from service.pages.loop_picture import STEPS, Standing, steps_of
from service.pages.loop_state import LoopState

NOW = "2026-11-29T12:00:00.000000+00:00"
DRIFT = CheckRecord(1, "tickets", "1", NOW, "traffic", Verdict("drift"), None, None)


def decided(action: Any) -> DecisionRecord:
    return DecisionRecord(1, "tickets", 1, NOW, Decision(action))


def job(status: Any, progress: str = "finetune") -> JobRecord:
    return JobRecord(
        1, "tickets", "retrain", status, {}, 1, None, NOW, None, None, None, None, progress=progress, share=0.5
    )


PROPOSED = LoopState(proposal=Proposal(1, "tickets", "1", "retrain", None, "Worse.", 1, "open", NOW, None, None, None))


LEFT = PromotionRecord(4, "tickets", "1", "2", NOW, True, "Rolled back on the page.")
GUARD = Guard(1, "tickets", "2", "1", NOW, False, NOW, 0, ended_at=NOW, outcome="overtaken")


@pytest.mark.parametrize(
    ("standing", "name", "words"),
    [
        (Standing(job=job("done")), "Retrain", "last: job 1, done"),
        (Standing(job=job("done"), loop=PROPOSED), "Retrain", "retrain proposed, waits for you"),
        (Standing(job=job("queued"), loop=PROPOSED), "Retrain", "job 1: queued"),
        (Standing(loop=LoopState(held=Held("declined", "No.", NOW))), "Retrain", "held back"),
        (Standing(decision=decided("retrain"), job=job("done")), "Retrain", "retrain decided, not begun"),
        (Standing(guard=GUARD), "Guard", "version 2: another version came"),
        (Standing(guard=GUARD, loop=LoopState(left=LEFT)), "Guard", "version 2: went out of service"),
    ],
)
def test_a_step_says_what_waits_and_what_was(standing: Standing, name: str, words: str) -> None:
    assert {step.name: step.words for step in steps_of(standing)}[name] == words


@pytest.mark.parametrize(
    ("standing", "where"),
    [
        (Standing(), "Traffic"),
        (Standing(check=DRIFT, decision=decided("watch")), "Drift"),
        (Standing(check=DRIFT, decision=decided("label"), labels_asked=9, labels_open=4), "Labels"),
        (Standing(check=DRIFT, decision=decided("retrain"), labels_asked=9), "Retrain"),
        (Standing(check=DRIFT, loop=PROPOSED), "Retrain"),
        (Standing(check=DRIFT, job=job("running")), "Retrain"),
        (Standing(check=DRIFT, job=job("running", "gate: judging")), "Gate"),
        (Standing(check=DRIFT, job=job("failed"), decision=decided("label"), labels_open=1), "Labels"),
    ],
)
def test_the_step_that_is_lit_is_where_the_loop_is(standing: Standing, where: str) -> None:
    found = steps_of(standing)
    assert [step.name for step in found] == list(STEPS)
    assert [step.name for step in found if step.lit == "now"] == [where]
    assert {step.lit for step in found[: STEPS.index(where)]} <= {"done"}
