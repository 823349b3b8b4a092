from __future__ import annotations

from typing import Any

import pytest

from core.proposals import Proposal
from core.records import CheckRecord, Decision, DecisionRecord, JobRecord, Verdict
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
