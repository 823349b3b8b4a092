"""A recorded ledger under the policy that was in force, and under others."""

from __future__ import annotations

import pytest

from core.champion import read_champion
from core.freezes import Freeze, until_of
from core.home import Home
from core.ledger_tables.loop_steps import LoopStep
from core.loop.accepting import accept, decline
from core.loop.orders import freeze, resume
from core.policy_config import Policy
from core.records import Action, Decision
from lifecycle.simulation.run import simulate
from tests.lifecycle.clocks import SetClock
from tests.lifecycle.rounds import label, round_of, run_job, with_policy

LIVE = {
    "mode": "auto",
    "cooldown": "2h",
    "stop_after": 3,
    "quiet_hours": "22:00-05:00",
    "cpu_minutes_per_day": 4,
    "retrain_days": ["sunday"],
    "retrain_labels": 15,
}


def policy_of(home: Home, **changed: object) -> Policy:
    return with_policy(home, **{**LIVE, **changed}).config.policy.of("m", min_texts=10)


@pytest.fixture
def recorded(served: Home, clock: SetClock) -> Home:
    """Five days of rounds every hour, from a Wednesday: failures, a resumption, a freeze, a refusal, a promotion,
    a retrain of the schedule, and one that a person asked for.
    """
    home, champion = with_policy(served, **LIVE), read_champion(served.registry, "m")
    wanted: Action = "retrain"
    for number in range(120):
        step = round_of(home, wanted, champion=champion)
        clock.forward(minutes=7)
        if step.did == "started":
            done = len(home.jobs.latest("m", limit=100))
            run_job(home, error="no memory" if done < 4 else "", promoted=done >= 6, cpu_s=100)
        if number in (30, 82):
            resume(home, "m", by="ann")
        if number in (45, 46, 85, 86):
            label(home, 8)
        if number == 50:
            freeze(home, "m", Freeze("", until_of("9h"), by="ann"))
        if number == 65:
            home.jobs.enqueue("m", "retrain")
            run_job(home)
        wanted = "none" if number in range(70, 100) else "retrain"
        clock.forward(minutes=53)
    return home


def told(steps: list[LoopStep]) -> list[tuple[str, str]]:
    return [(step.did, step.rule) for step in steps]


def test_the_live_policy_gives_the_recorded_steps(recorded: Home) -> None:
    found = simulate(recorded, "m", policy_of(recorded))
    assert [(step.created_at, *pair) for step, pair in zip(found.steps, told(found.steps), strict=True)] == [
        (step.created_at, step.did, step.rule) for step in found.recorded
    ]
    assert found.is_as_recorded
    assert found.likely == {}
    rules = {rule for _, rule in told(found.steps)}
    assert rules >= {"", "cool-down", "stopped", "quiet hours", "budget", "freeze", "new labels", "schedule"}


def test_replaying_changes_nothing_in_the_ledger(recorded: Home) -> None:
    before = recorded.ledger.loop_steps.latest("m", limit=1000), recorded.jobs.latest("m", limit=1000)
    simulate(recorded, "m", policy_of(recorded, mode="ask"))
    assert (recorded.ledger.loop_steps.latest("m", limit=1000), recorded.jobs.latest("m", limit=1000)) == before


def test_other_policies_start_other_retrains(recorded: Home) -> None:
    live = sum(step.did == "started" for step in simulate(recorded, "m", policy_of(recorded)).steps)
    advise = simulate(recorded, "m", policy_of(recorded, mode="advise"))
    assert {step.did for step in advise.steps} == {"held"}
    ask = simulate(recorded, "m", policy_of(recorded, mode="ask"))
    assert not any(step.did == "started" for step in ask.steps)
    assert any(step.did == "proposed" for step in ask.steps)
    patient = simulate(recorded, "m", policy_of(recorded, cooldown="2d"))
    assert 0 < sum(step.did == "started" for step in patient.steps) < live
    eager = simulate(recorded, "m", policy_of(recorded, cooldown="30m", quiet_hours="none", cpu_minutes_per_day=0))
    assert not eager.is_as_recorded
    assert eager.likely
    assert set(eager.likely.values()) <= {job.id for job in recorded.jobs.latest("m", limit=100)}


def test_accepted_proposals_are_replayed_as_such(served: Home, clock: SetClock) -> None:
    home, champion = with_policy(served, mode="ask", cooldown="1h"), read_champion(served.registry, "m")
    for number in range(30):
        round_of(home, champion=champion)
        clock.forward(minutes=10)
        if number in (5, 15):
            assert accept(home, "m", by="ann").job is not None
            clock.forward(minutes=1)
            run_job(home, error="no memory")
    found = simulate(home, "m", home.config.policy.of("m", min_texts=10))
    assert found.is_as_recorded
    assert told(found.steps).count(("proposed", "")) == 3
    auto = simulate(home, "m", with_policy(home, mode="auto", cooldown="1h").config.policy.of("m", min_texts=10))
    assert auto.steps[0].did == "started"
    assert sum(step.did == "started" for step in auto.steps) == 3


def test_a_ledger_without_steps_is_replayed_by_its_decisions(served: Home, clock: SetClock) -> None:
    actions: tuple[Action, ...] = ("none", "retrain", "retrain")
    for action in actions:
        served.ledger.record_decision("m", Decision(action, f"It is {clock.now:%H}."), check_id=None)
        clock.forward(hours=3)
    found = simulate(served, "m", policy_of(served, quiet_hours="none"))
    assert (told(found.steps), found.likely, found.recorded) == ([("started", "")] * 2, {1: 0, 2: 0}, [])


def test_a_no_of_a_person_holds_in_the_replay(served: Home, clock: SetClock) -> None:
    home = with_policy(served, mode="ask")
    for number in range(6):
        round_of(home)
        clock.forward(minutes=20)
        if number == 2:
            decline(home, "m", by="ann")
        clock.forward(minutes=40)
    found = simulate(home, "m", home.config.policy.of("m", min_texts=10))
    assert told(found.steps) == [("proposed", ""), ("held", "declined")]
    assert found.is_as_recorded
