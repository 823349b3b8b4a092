"""What happened to a model before, as far as it limits what the loop may do now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.freezes import Freeze
from core.ledger_tables.guards import Guard
from core.ledger_tables.loop_steps import RETRAIN, LoopStep
from core.records import JobRecord, PromotionRecord

Ending = Literal["unfinished", "promoted", "refused", "waits", "failed", "cancelled", "unknown"]


@dataclass(frozen=True)
class LabelledText:
    """A text at the time of its first label; `number`: of that label."""

    number: int
    at: str


@dataclass(frozen=True)
class Records:
    """What the ledger holds of a model until some time: its retrain jobs, promotions and steps of the loop, each the
    oldest first, and every labelled text in the order of their first labels; `guards`: if they are enabled.
    """

    jobs: Sequence[JobRecord] = ()
    promotions: Sequence[PromotionRecord] = ()
    steps: Sequence[LoopStep] = ()
    texts: Sequence[LabelledText] = ()
    guards: Sequence[Guard] = ()


@dataclass(frozen=True)
class Attempt:
    """A retrain. `ended_at`: by the clock of now, "" if it has not ended; `after_label`: number of the last label that
    it could learn; `told`: why it failed or was refused.
    """

    job: int
    ending: Ending
    ended_at: str = ""
    cpu_s: float = 0.0
    after_label: int = 0
    told: str = ""


@dataclass(frozen=True)
class Undone:
    """A change that was taken back, or could not be made: not tried again without new labels."""

    after_label: int
    told: str


@dataclass(frozen=True)
class Declined:
    """A proposal to which a person said no: not made again without new labels. `action`: "retrain" or "roll back"."""

    action: str
    after_label: int
    told: str


@dataclass(frozen=True)
class History:
    """`attempts`: the oldest first; `in_a_row`: refused or failed ones since the last promotion or resumption, the
    latest first; `is_forgiven`: whether a person let the loop go on after the last attempt; `undone`: None if a person
    did so since; `declined`: the last proposal, if a person said no to it and nothing ran since;
    `promoted_after_label`: number of the last label before the last promotion; `is_day_proposed`: whether the last step
    is a proposal of the schedule, which stays open after its day; `guarded`: the version that an open guard may roll
    back.
    """

    attempts: tuple[Attempt, ...] = ()
    in_a_row: tuple[Attempt, ...] = ()
    is_forgiven: bool = False
    undone: Undone | None = None
    declined: Declined | None = None
    promoted_after_label: int = 0
    is_day_proposed: bool = False
    texts: Sequence[LabelledText] = field(default_factory=tuple)
    frozen: Freeze | None = None
    guarded: str | None = None

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    def new_texts(self, after_label: int) -> int:
        """Texts whose first label is later."""
        return sum(text.number > after_label for text in self.texts)


def history_of(records: Records, *, now: str, frozen: Freeze | None = None) -> History:
    """`now`: time of the decision; records of later times are of a clock that went back since."""
    resumed = next((step for step in reversed(records.steps) if step.did == "resumed"), None)
    attempts = tuple(_attempt(job, records.steps, now) for job in records.jobs if job.kind == RETRAIN)
    ended = [one for one in attempts if one.ending != "unfinished"]
    is_forgiven = resumed is not None and bool(ended) and ended[-1].job <= resumed.after_job
    return History(
        attempts=attempts,
        in_a_row=_in_a_row(attempts, after_job=resumed.after_job if resumed else 0),
        is_forgiven=is_forgiven,
        undone=_undone(records, resumed),
        declined=_declined(records),
        promoted_after_label=max((row.after_label or 0 for row in records.promotions if row.promoted), default=0),
        is_day_proposed=bool(records.steps) and _is_of_schedule(records.steps[-1]),
        texts=records.texts,
        frozen=frozen,
        guarded=next((one.version for one in records.guards if _is_open(one, now)), None),
    )


def _is_open(guard: Guard, now: str) -> bool:
    """Whether the guard may roll back at that time."""
    return guard.previous is not None and guard.created_at <= now and (guard.ended_at is None or now < guard.ended_at)


def _is_of_schedule(step: LoopStep) -> bool:
    return step.did == "proposed" and step.rule == "schedule"


def _attempt(job: JobRecord, steps: Sequence[LoopStep], now: str) -> Attempt:
    if job.is_unfinished:
        return Attempt(job.id, "unfinished", after_label=job.after_label or 0)
    # What was recorded after its end was not earlier: if that shows an earlier time, the clock went back.
    later = [step.created_at for step in steps if step.after_job >= job.id]
    ended_at = min([job.finished_at or job.created_at, now, *later])
    return Attempt(job.id, _ending(job), ended_at, job.cpu_s or 0.0, job.after_label or 0, _told(job))


def _ending(job: JobRecord) -> Ending:
    if job.status == "failed":
        return "failed"
    if job.status == "cancelled":
        return "cancelled"
    result = job.retrained
    if result is None:
        return "unknown"
    if result.promoted:
        return "promoted"
    return "waits" if result.verdict and result.verdict.held_by else "refused"


def _told(job: JobRecord) -> str:
    return job.error or (job.retrained.reason if job.retrained else "")


def _in_a_row(attempts: Sequence[Attempt], *, after_job: int) -> tuple[Attempt, ...]:
    """The latest first."""
    row: list[Attempt] = []
    for attempt in reversed(attempts):
        if attempt.job <= after_job or attempt.ending == "promoted":
            break
        if attempt.ending in ("refused", "failed"):
            row.append(attempt)
    return tuple(row)


def _undone(records: Records, resumed: LoopStep | None) -> Undone | None:
    after_promotion, after_step = (resumed.after_promotion, resumed.id) if resumed else (0, 0)
    rows = [row for row in records.promotions if row.is_taken_back and row.id > after_promotion]
    steps = [step for step in records.steps if step.did == "failed" and step.id > after_step]
    found = [Undone(row.after_label or 0, _taken_back(row)) for row in rows]
    found += [Undone(step.after_label, step.reason) for step in steps]
    return max(found, key=lambda one: one.after_label, default=None)


def _declined(records: Records) -> Declined | None:
    answers = [step for step in records.steps if step.did in ("accepted", "declined", "resumed")]
    last = answers[-1] if answers else None
    if last is None or last.did != "declined" or any(job.id > last.after_job for job in records.jobs):
        return None
    return Declined(last.action, last.after_label, f"{last.by} declined it{f': {last.reason}' if last.reason else ''}.")


def _taken_back(row: PromotionRecord) -> str:
    return f"{row.model}@{row.previous} went out of service: {row.reason}"
