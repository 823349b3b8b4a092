"""The ledger's table of what the loop did by itself with each decision, and what people did to the loop."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ScalarSelect, Table, func, insert, select, update

from core.clock import utc_now
from core.database import Database
from core.schema import feedback, jobs, loop_steps, promotions

Did = Literal[
    "nothing",
    "held",
    "proposed",
    "started",
    "rolled back",
    "failed",
    "accepted",
    "declined",
    "resumed",
    "frozen",
    "unfrozen",
]
Rule = Literal[
    "",
    "mode",
    "freeze",
    "guard",
    "running",
    "stopped",
    "new labels",
    "declined",
    "cool-down",
    "quiet hours",
    "budget",
    "schedule",
    "overtaken",
    "error",
]
FOR_PERSON: tuple[Rule, ...] = ("stopped", "new labels", "declined")
"""Rules that time does not end."""
LASTING = ("nothing", "held", "proposed")
"""What a round may find again; the others happen once."""
LOOP = "loop"
RETRAIN = "retrain"


@dataclass(frozen=True)
class Done:
    """What the loop did with a decision, or held back by a `rule`; `until`: when it may go on, None if time alone does
    not tell; `action`: "retrain", "roll back" or "".
    """

    did: Did
    action: str = ""
    rule: Rule = ""
    reason: str = ""
    until: str | None = None
    job_id: int | None = None


@dataclass(frozen=True)
class LoopStep:
    """`created_at`, `seen_at`: times of the first and of the last round that found the same; `by`: "loop", or the
    person. `after_job`, `after_promotion`, `after_label`: ids of the last retrain that had ended, promotion and label.
    """

    id: int
    model: str
    version: str
    created_at: str
    seen_at: str
    did: Did
    action: str
    rule: Rule
    reason: str
    until: str | None
    by: str
    decision_id: int | None
    job_id: int | None
    after_job: int = 0
    after_promotion: int = 0
    after_label: int = 0

    @property
    def waits_for_person(self) -> bool:
        """Whether the loop holds back until labels come or a person tells it to go on."""
        return self.did == "held" and self.rule in FOR_PERSON


class LoopSteps:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self, model: str, version: str, done: Done, *, by: str = LOOP, decision_id: int | None = None
    ) -> LoopStep:
        """Store a step. One that the last round found, too, is the same step, with its reason of now; if the clock went
        back since, it is another one.
        """
        now = utc_now()
        of_model = select(loop_steps).where(loop_steps.c.model == model).order_by(loop_steps.c.id.desc()).limit(1)
        with self._database.write() as connection:
            row = connection.execute(of_model).mappings().first()
            last = LoopStep(**row) if row else None
            if last and _is_same(last, version, done, by) and last.seen_at <= now:
                values = {"seen_at": now, "reason": done.reason, "until": done.until}
                again = update(loop_steps).where(loop_steps.c.id == last.id).values(**values)
                return LoopStep(**connection.execute(again.returning(loop_steps)).mappings().one())
            times = {"created_at": now, "seen_at": now}
            facts = {"model": model, "version": version, "by": by, "decision_id": decision_id}
            step = insert(loop_steps).values(**asdict(done), **facts, **times, **_places(model))
            return LoopStep(**connection.execute(step.returning(loop_steps)).mappings().one())

    def latest(
        self, model: str, *, limit: int = 50, before: int | None = None, which: Collection[Did] = ()
    ) -> list[LoopStep]:
        """Most recent first; `before`: only those with a smaller id; `which`: only these."""
        query = select(loop_steps).where(loop_steps.c.model == model).order_by(loop_steps.c.id.desc()).limit(limit)
        query = query if before is None else query.where(loop_steps.c.id < before)
        query = query.where(loop_steps.c.did.in_(which)) if which else query
        with self._database.read() as connection:
            return [LoopStep(**row) for row in connection.execute(query).mappings()]

    def last(self, model: str, did: Did) -> LoopStep | None:
        query = select(loop_steps).where(loop_steps.c.model == model, loop_steps.c.did == did)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(loop_steps.c.id.desc()).limit(1)).mappings().first()
        return LoopStep(**row) if row else None


def _is_same(last: LoopStep, version: str, done: Done, by: str) -> bool:
    facts = (last.version, last.did, last.action, last.rule, last.by)
    return done.did in LASTING and facts == (version, done.did, done.action, done.rule, by)


def _places(model: str) -> dict[str, ScalarSelect[int]]:
    has_ended = jobs.c.status.not_in(["queued", "running"])
    return {
        "after_job": _last(jobs, jobs.c.model == model, jobs.c.kind == RETRAIN, has_ended),
        "after_promotion": _last(promotions, promotions.c.model == model),
        "after_label": _last(feedback),
    }


def _last(table: Table, *which: Any) -> ScalarSelect[int]:
    return select(func.coalesce(func.max(table.c.id), 0)).where(*which).scalar_subquery()
