"""A retrain under a freeze: its challenger is held, and put in service after the freeze without another training."""

from __future__ import annotations

from pathlib import Path

from core.champion import read_champion
from core.clock import utc_now
from core.freezes import Freeze
from core.home import Home
from core.loop.orders import freeze, unfreeze
from core.progress import ignore
from core.records import GateRecord, GateVerdict, JobRecord
from core.stored import as_stored
from lifecycle.act import respond_and_act
from lifecycle.retrain import retrain
from tests.lifecycle.clocks import SetClock
from tests.lifecycle.rounds import with_policy


def judged(home: Home, package: Path) -> JobRecord:
    """A job whose challenger the gate would promote; it was killed before the champion pointer moved."""
    version = home.registry.add(package, "m")
    home.jobs.enqueue("m", "retrain")
    job = home.jobs.take("worker:1")
    assert job is not None
    gate = GateRecord(job.id, GateVerdict("promote", "9 won, 0 lost."))
    home.ledger.record_promotion("m", version, previous="1", promoted=True, reason="9 won, 0 lost.", gate=gate)
    return job


def test_a_challenger_waits_for_the_end_of_a_freeze(served: Home, later_package: Path, clock: SetClock) -> None:
    home = with_policy(served, mode="auto", cooldown="6h")
    job = judged(home, later_package)
    freeze(home, "m", Freeze(utc_now(), reason="audit"))
    result = retrain(job, home, on_progress=ignore)
    home.jobs.finish(job, as_stored(result))
    assert (result.promoted, home.registry.champion("m").version) == (False, "1")
    assert result.reason == ("9 won, 0 lost. m@2 waits, because the champion is frozen until a person ends it (audit).")
    clock.forward(minutes=5)
    decision = respond_and_act(home, read_champion(home.registry, "m")).decision
    assert (decision.action, decision.waiting) == ("retrain", "2")
    assert decision.reason == "m@2, which a freeze held, can be put in service. 9 won, 0 lost."
    assert home.ledger.loop_steps.latest("m")[0].rule == "freeze"
    unfreeze(home, "m", by="ann")
    clock.forward(minutes=5)
    respond_and_act(home, read_champion(home.registry, "m"))
    next_job = home.jobs.take("worker:1")
    assert next_job is not None
    assert retrain(next_job, home, on_progress=ignore).promoted
    assert home.registry.champion("m").version == "2"
