"""`retune policy simulate`: a model's ledger under another policy."""

from __future__ import annotations

from dataclasses import dataclass

from core.champion import read_champion
from core.home import Home
from core.ledger_tables.loop_steps import LOOP, LoopStep
from core.policy_config import Policy
from lifecycle.loop_records import read_records
from lifecycle.simulation.recording import Recording
from lifecycle.simulation.replay import replay

ALL = 1_000_000


@dataclass(frozen=True)
class Simulated:
    """`steps`: what the loop would have done, `recorded`: what it did, each without rounds with nothing to do, the
    oldest first; `likely`: numbers of the started jobs that were not recorded, with the recorded job that each is
    assumed to be like (0: none, so its end is not known); `cpu_s`: of all started jobs.
    """

    steps: list[LoopStep]
    recorded: list[LoopStep]
    likely: dict[int, int]
    cpu_s: float

    @property
    def is_as_recorded(self) -> bool:
        return [_told(step) for step in self.steps] == [_told(step) for step in self.recorded]


def simulate(home: Home, model: str, policy: Policy, *, since: str = "") -> Simulated:
    """Replay everything, and tell what is since a time. Raises `ModelNotFound` or `NoChampion`."""
    course = replay(read_recording(home, model), policy)
    steps = [step for step in course.steps if _is_told(step, since)]
    jobs = [step.job_id for step in steps if step.did == "started" and step.job_id]
    return Simulated(
        steps=steps,
        recorded=[step for step in course.recording.records.steps if _is_told(step, since)],
        likely={number: course.likely[number] for number in jobs if number in course.likely},
        cpu_s=sum(course.jobs[number].cpu_s or 0.0 for number in jobs),
    )


def read_recording(home: Home, model: str) -> Recording:
    champion = read_champion(home.registry, model)
    return Recording(
        model=model,
        version=champion.version,
        records=read_records(home, model, kind=champion.kind, limit=ALL),
        decisions=home.ledger.decisions(model, limit=ALL)[::-1],
        checked=[check.created_at for check in home.ledger.traffic_checks(model, limit=ALL)],
        interval_s=home.config.drift.interval_s,
    )


def _is_told(step: LoopStep, since: str) -> bool:
    return step.by == LOOP and step.did != "nothing" and step.created_at >= since


def _told(step: LoopStep) -> tuple[str, str, str, str]:
    return step.created_at, step.did, step.action, step.rule
