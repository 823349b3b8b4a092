"""What the loop does with a decision: nothing, a proposal, a job, and when it stops."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from core.champion import read_champion
from core.clock import utc_now
from core.config import Config
from core.errors import NothingProposed, ProposalOutdated
from core.freezes import Freeze, until_of
from core.home import Home
from core.ledger_tables.guards import Guards, Promise
from core.ledger_tables.loop_steps import LoopStep
from core.loop.accepting import accept, decline, request_retrain
from core.loop.orders import freeze, resume, unfreeze
from core.promotion import record_change, roll_back
from core.records import Decision, FeedbackRecord
from lifecycle.act import act
from tests.lifecycle.clocks import SetClock
from tests.lifecycle.predictions import predicted
from tests.lifecycle.rounds import label, round_of, run_job, with_policy


def test_advise_starts_and_proposes_nothing(served: Home) -> None:
    home = with_policy(served, mode="advise")
    step = round_of(home)
    assert (step.did, step.rule, step.action) == ("held", "mode", "retrain")
    assert "retune retrain m" in step.reason
    assert home.jobs.latest() == []
    assert home.ledger.proposals.open("m") is None


def test_ask_makes_one_proposal_and_one_click_starts_it(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="ask")
    for _ in range(3):
        assert round_of(home).did == "proposed"
        clock.forward(minutes=5)
    assert len(home.ledger.proposals.latest("m")) == 1
    assert home.jobs.latest() == []
    first, again = accept(home, "m", by="ann", proposal_id=1), accept(home, "m", by="bob", proposal_id=1)
    assert first.job is not None
    assert again.job is not None
    assert first.job.id == again.job.id
    assert (again.proposal.status, again.proposal.ended_by) == ("accepted", "ann")
    assert first.job.reason is None
    with pytest.raises(NothingProposed, match="retune retrain m"):
        accept(home, "m", by="ann")
    assert (round_of(home).rule, len(home.jobs.latest())) == ("running", 1)


def test_a_declined_proposal_comes_again_after_new_labels_or_when_a_person_wants(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="ask")
    round_of(home)
    ended = decline(home, "m", by="ann", reason="after the release", proposal_id=1)
    assert (ended.status, ended.ended_by, decline(home, "m", by="bob", proposal_id=1)) == ("declined", "ann", ended)
    for call in (lambda: accept(home, "m", by="ann", proposal_id=1), lambda: decline(home, "m", by="ann")):
        with pytest.raises(NothingProposed):
            call()
    clock.forward(days=3)
    label(home, 9)
    step = round_of(home)
    assert (step.did, step.rule) == ("held", "declined")
    assert step.reason.startswith("ann declined it: after the release. 9 of 10 further texts are labelled")
    assert round_of(home, "roll back").did == "proposed"
    label(home, 1)
    assert round_of(home).did == "proposed"
    decline(home, "m", by="ann")
    assert round_of(home).rule == "declined"
    resume(home, "m", by="ann")
    assert round_of(home).did == "proposed"
    assert home.jobs.latest() == []


def test_what_is_missing_to_go_on_is_asked_for_once(served: Home) -> None:
    home = with_policy(served, mode="ask")
    predicted(home.ledger, 40)
    round_of(home)
    decline(home, "m", by="ann")
    for _ in range(2):
        assert round_of(home).rule == "declined"
    assert home.ledger.asked_labels("m").still_open == 10
    first = home.ledger.label_requests("m")[0].prediction_id
    home.ledger.record_feedback([FeedbackRecord(first, "bug")])
    assert round_of(home).reason.startswith("ann declined it. 1 of 10 further texts are labelled")
    assert home.ledger.asked_labels("m").still_open == 9


def test_no_label_is_asked_for_where_none_is_missing(served: Home) -> None:
    home = with_policy(served, mode="ask")
    predicted(home.ledger, 40)
    round_of(home)
    freeze(home, "m", Freeze(utc_now()))
    assert round_of(home).rule == "freeze"
    assert home.ledger.asked_labels("m").still_open == 0


def test_who_declined_may_still_ask_for_a_retrain(served: Home) -> None:
    home = with_policy(served, mode="ask", cooldown="0s")
    round_of(home)
    decline(home, "m", by="ann")
    request_retrain(home, "m", by="ann")
    run_job(home, promoted=True)
    assert round_of(home).did == "proposed"


def test_asking_for_a_retrain_accepts_the_proposal(served: Home) -> None:
    home = with_policy(served, mode="ask")
    round_of(home)
    job = request_retrain(home, "m", by="ann")
    (proposal,) = home.ledger.proposals.latest("m")
    assert (proposal.status, proposal.ended_by, proposal.job_id) == ("accepted", "ann", job.id)


def test_a_proposal_ends_when_the_decision_changes(served: Home) -> None:
    home = with_policy(served, mode="ask")
    round_of(home)
    assert round_of(home, "watch").did == "nothing"
    assert home.ledger.proposals.open("m") is None
    round_of(home)
    round_of(home, "retrain", waiting="2")
    assert [one.status for one in home.ledger.proposals.latest("m")] == ["open", "superseded", "superseded"]


def test_a_proposal_about_a_champion_before_is_not_accepted(served: Home, later_package: Path) -> None:
    home = with_policy(served, mode="ask")
    round_of(home)
    home.registry.promote("m", home.registry.add(later_package, "m"))
    with pytest.raises(ProposalOutdated, match="m@2 is in service"):
        accept(home, "m", by="ann")
    assert home.jobs.latest() == []


def test_auto_starts_one_job_and_tells_why(served: Home) -> None:
    home = with_policy(served, mode="auto")
    step = round_of(home)
    (job,) = home.jobs.latest()
    assert (step.did, step.job_id, job.reason) == ("started", job.id, "Accuracy fell.")
    assert home.jobs.log(job.id)[0].text == "Queued. By the loop: Accuracy fell."
    assert round_of(home).rule == "running"


def test_a_job_is_not_started_on_what_was_decided_before_another(served: Home) -> None:
    assert served.jobs.enqueue_once("m", "retrain", after=0, reason="first") is not None
    run_job(served, error="no memory")
    assert served.jobs.enqueue_once("m", "retrain", after=0, reason="second") is None


def test_a_failing_trainer_runs_once_a_cool_down_and_stops_after_k(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="2h", stop_after=3)
    started, champion = [], read_champion(home.registry, "m")
    for number in range(100):
        step = round_of(home, champion=champion)
        if step.did == "started":
            started.append(number)
            run_job(home, error="no memory")
        clock.forward(minutes=15)
    assert started == [0, 8, 16]
    assert (step.did, step.rule, step.until) == ("held", "stopped", None)
    assert "no memory" in step.reason
    assert "retune resume m" in step.reason
    resume(home, "m", by="ann")
    assert round_of(home).did == "started"
    run_job(home, error="no memory")
    assert round_of(home).rule == "cool-down"


def test_after_a_refusal_new_labels_or_a_person_are_needed(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="0s", stop_after=10)
    round_of(home)
    run_job(home)
    clock.forward(days=3)
    label(home, 9)
    step = round_of(home)
    assert (step.did, step.rule) == ("held", "new labels")
    assert "9 of 10" in step.reason
    label(home, 1)
    assert round_of(home).did == "started"
    run_job(home)
    assert round_of(home).rule == "new labels"
    resume(home, "m", by="ann")
    assert round_of(home).did == "started"


def test_the_budget_of_a_day_is_kept_and_one_retrain_is_always_within_it(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="0s", cpu_minutes_per_day=3, stop_after=50)
    started, champion = [], read_champion(home.registry, "m")
    for hour in range(50):
        if round_of(home, champion=champion).did == "started":
            started.append(hour)
            run_job(home, error="no memory", cpu_s=80)
        clock.forward(hours=1)
    assert started == [0, 1, 24, 25, 48, 49]
    home = with_policy(served, mode="auto", cooldown="0s", cpu_minutes_per_day=1, stop_after=50)
    clock.forward(days=2)
    assert round_of(home).did == "started"
    run_job(home, error="no memory", cpu_s=80)
    assert round_of(home).rule == "budget"


def test_nothing_starts_in_quiet_hours(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", quiet_hours="11:00-14:30")
    step = round_of(home)
    assert (step.rule, step.until) == ("quiet hours", "2026-11-25T14:30:00.000000+00:00")
    clock.forward(hours=2.5)
    assert round_of(home).did == "started"


def test_the_schedule_starts_a_retrain_without_a_decision(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="0s", retrain_days=["thursday"], retrain_labels=20)
    label(home, 20)
    assert round_of(home, "none").did == "nothing"
    clock.forward(days=1)
    step = round_of(home, "none")
    assert (step.did, step.rule) == ("started", "schedule")
    assert "20 texts" in step.reason
    run_job(home, promoted=True)
    label(home, 30)
    assert round_of(home, "none").did == "nothing"  # once a day
    clock.forward(days=7)
    assert round_of(home, "none").did == "started"


def test_what_the_schedule_proposed_stays_open_after_its_day(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="ask", retrain_days=["wednesday"], retrain_labels=5)
    label(home, 5)
    round_of(home, "none")
    clock.forward(days=2)
    assert round_of(home, "none").did == "proposed"
    assert len(home.ledger.proposals.latest("m")) == 1


def test_a_frozen_champion_stays_and_the_loop_goes_on_after_it(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto")
    freeze(home, "m", Freeze("", until_of("3d"), "audit", "ann"))
    step = round_of(home)
    assert (step.rule, step.until) == ("freeze", "2026-11-28T12:00:00.000000+00:00")
    assert "audit" in step.reason
    clock.forward(days=4)
    assert round_of(home).did == "started"
    assert unfreeze(home, "m", by="ann") is None


def test_a_clock_that_went_back_blocks_no_longer_than_the_cool_down(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="2h")
    round_of(home)
    clock.forward(days=1)
    run_job(home, error="no memory")
    assert round_of(home).rule == "cool-down"
    clock.forward(days=-1)
    started = []
    for number in range(12):
        if round_of(home).did == "started":
            started.append(number)
            break
        clock.forward(minutes=15)
    assert started == [8]


def test_a_clock_that_went_forward_starts_nothing_twice(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="2h")
    round_of(home)
    clock.forward(days=1)
    assert round_of(home).rule == "running"
    run_job(home)
    clock.forward(days=1)
    assert round_of(home).rule == "new labels"


def test_the_loop_rolls_back_and_does_not_try_again(served: Home, later_package: Path, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="0s")
    home.registry.promote("m", home.registry.add(later_package, "m"))
    assert round_of(home, "roll back").did == "rolled back"
    assert home.registry.champion("m").version == "1"
    (row,) = home.ledger.promotions("m")
    assert (row.version, row.previous, row.reason) == ("1", "2", "Rolled back by the loop: Accuracy fell.")
    clock.forward(days=1)
    assert round_of(home).rule == "new labels"
    label(home, 10)
    assert round_of(home).did == "started"


@pytest.mark.parametrize("reason", ["Rolled back by hand.", "Rolled back on the page."])
def test_what_a_person_took_out_of_service_is_not_trained_again_from_the_same_labels(
    served: Home, later_package: Path, clock: SetClock, reason: str
) -> None:
    home = with_policy(served, mode="auto", cooldown="0s")
    home.registry.promote("m", home.registry.add(later_package, "m"))
    roll_back(home, "m", on_change=partial(record_change, home.ledger, "m", reason))
    step = round_of(home)
    assert (step.did, step.rule) == ("held", "new labels")
    assert step.reason.startswith(f"m@2 went out of service: {reason} 0 of 10 further texts are labelled")
    label(home, 10)
    assert round_of(home).did == "started"


@pytest.mark.parametrize("mode", ["ask", "auto"])
def test_a_roll_back_is_left_to_an_open_guard(served: Home, later_package: Path, mode: str) -> None:
    home = with_policy(served, mode=mode)
    champion = home.registry.promote("m", home.registry.add(later_package, "m"))
    guards = Guards(home.ledger.database)
    guard = guards.begin("m", champion, previous="1", after_number=0, promise=Promise())
    step = round_of(home, "roll back")
    assert (step.did, step.rule, home.ledger.proposals.latest("m")) == ("held", "guard", [])
    guards.end(guard, "passed", "It kept its promise.")
    assert round_of(home, "roll back").did == {"ask": "proposed", "auto": "rolled back"}[mode]


def test_a_guard_without_a_way_back_holds_nothing(served: Home, later_package: Path) -> None:
    home = with_policy(served, mode="auto")
    champion = home.registry.promote("m", home.registry.add(later_package, "m"))
    Guards(home.ledger.database).begin("m", champion, previous=None, after_number=0, promise=Promise())
    assert round_of(home, "roll back").did == "rolled back"


def test_a_roll_back_that_fails_is_not_tried_every_round(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto")
    step = round_of(home, "roll back")
    assert (step.did, step.rule) == ("failed", "error")
    assert "no earlier champion" in step.reason
    clock.forward(hours=1)
    assert round_of(home, "roll back").rule == "new labels"


def test_a_waiting_version_needs_no_cool_down(served: Home) -> None:
    home = with_policy(served, mode="auto", cooldown="6h")
    round_of(home)
    run_job(home)
    assert round_of(home, "retrain", waiting="2").did == "started"


def test_a_control_of_100_checks_leaves_one_step_and_no_job(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="auto")
    champion = read_champion(home.registry, "m")
    for _ in range(100):
        round_of(home, "none", champion=champion)
        clock.forward(minutes=5)
    (step,) = home.ledger.loop_steps.latest("m")
    assert (step.did, home.jobs.latest()) == ("nothing", [])
    assert step.created_at < step.seen_at


def test_a_model_has_its_own_policy(served: Home) -> None:
    models = {"m": {"mode": "auto"}}
    config = Config.model_validate({"home": served.config.home, "policy": {"mode": "advise", "models": models}})
    assert round_of(Home(config)).did == "started"


def test_two_monitors_start_one_job(served: Home) -> None:
    home, other = (with_policy(served, mode="auto", cooldown="0s") for _ in range(2))
    barrier, decision = threading.Barrier(2), Decision("retrain", "Accuracy fell.")
    home.ledger.record_decision("m", decision, check_id=None)
    champion, record = read_champion(home.registry, "m"), home.ledger.decisions("m")[0]

    def monitor(own: Home) -> LoopStep:
        barrier.wait()
        return act(own, champion, record)

    with ThreadPoolExecutor(2) as pool:
        steps = list(pool.map(monitor, (home, other)))
    assert sorted(step.did for step in steps) == ["held", "started"]
    assert len(home.jobs.latest()) == 1
