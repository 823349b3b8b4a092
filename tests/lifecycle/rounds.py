"""Rounds of the loop of a model `m` whose decisions a test makes, and jobs that end as a test wants."""

from __future__ import annotations

from typing import Any

from core.champion import ChampionPackage, read_champion
from core.home import Home
from core.ledger_tables.loop_steps import LoopStep
from core.policy_config import PolicyConfig
from core.records import Action, Decision, FeedbackRecord, GateVerdict, JobRecord, RetrainResult
from core.stored import as_stored
from lifecycle.act import act
from tests.lifecycle.predictions import predicted


def with_policy(home: Home, **policy: Any) -> Home:
    """The same home with another policy."""
    return Home(home.config.model_copy(update={"policy": PolicyConfig(**policy)}))


def round_of(
    home: Home, action: Action = "retrain", *, champion: ChampionPackage | None = None, **facts: Any
) -> LoopStep:
    """`champion`: read before, if there are many rounds."""
    decision = Decision(action, "Accuracy fell.", **facts)
    last = next(iter(home.ledger.decisions("m", limit=1)), None)
    if last is None or last.decision != decision:
        home.ledger.record_decision("m", decision, check_id=None)
    return act(home, champion or read_champion(home.registry, "m"), home.ledger.decisions("m", limit=1)[0])


def run_job(home: Home, *, error: str = "", promoted: bool = False, cpu_s: float = 60.0) -> JobRecord:
    job = home.jobs.take("worker:1")
    assert job is not None
    if error:
        home.jobs.fail(job, error, cpu_s=cpu_s)
    else:
        verdict = GateVerdict("promote" if promoted else "reject", "not better")
        home.jobs.finish(job, as_stored(RetrainResult("2", promoted, "not better", verdict)), cpu_s=cpu_s)
    return home.jobs.get(job.id)


def label(home: Home, count: int) -> None:
    home.ledger.record_feedback([FeedbackRecord(row.id, "bug") for row in predicted(home.ledger, count)])
