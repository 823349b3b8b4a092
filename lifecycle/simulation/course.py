"""The state of a replay: what would have happened until a moment, in the form in which the ledger would hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.clock import seconds_between
from core.freezes import Freeze
from core.ledger_tables.loop_steps import LASTING, LOOP, RETRAIN, Done, LoopStep
from core.records import JobRecord, PromotionRecord
from lifecycle.policy.clock import later
from lifecycle.policy.history import LabelledText, Records
from lifecycle.simulation.recording import Moment, Recording

BY_LOOP = "Rolled back by the loop"


@dataclass
class Course:
    """`jobs`: by the number that they have here, which is the order of their starts; `as_recorded`: number here → id of
    the recorded job, for those that are one; `likely`: number here → id of the recorded job that it is assumed to be
    like, 0 for none; `is_open`: whether a proposal waits.
    """

    recording: Recording
    jobs: dict[int, JobRecord] = field(default_factory=dict)
    as_recorded: dict[int, int] = field(default_factory=dict)
    likely: dict[int, int] = field(default_factory=dict)
    undone: list[PromotionRecord] = field(default_factory=list)
    steps: list[LoopStep] = field(default_factory=list)
    frozen: Freeze | None = None
    is_open: bool = False

    def records_at(self, at: str) -> Records:
        ran = set(self.as_recorded.values())
        promotions = [
            row
            for row in self.recording.records.promotions
            if row.created_at <= at and (row.gate is None or row.gate.job in ran) and not row.reason.startswith(BY_LOOP)
        ]
        return Records(
            jobs=[_seen_at(job, at) for job in self.jobs.values()],
            promotions=[*promotions, *self.undone],
            steps=self.steps,
            texts=self.texts_at(at),
            guards=self.recording.records.guards,
        )

    def texts_at(self, at: str) -> Sequence[LabelledText]:
        return [text for text in self.recording.records.texts if text.at <= at]

    def frozen_at(self, at: str) -> Freeze | None:
        return self.frozen if self.frozen and self.frozen.holds(at) else None

    def add_job(self, job: JobRecord) -> int:
        number = self._add(job)
        self.as_recorded[number] = job.id
        return number

    def add_likely_job(self, at: str) -> int:
        """A job that was not recorded: it takes as long, and ends, as the recorded one that began next, or last."""
        like = _likely(self.recording.records.jobs, at)
        job = JobRecord(0, self.recording.model, RETRAIN, "done", {}, 1, None, at, at, at, None, None)
        if like is not None:
            after_label = max((text.number for text in self.texts_at(at)), default=0)
            ended_at = later(at, seconds_between(like.created_at, like.finished_at or like.created_at))
            job = replace(like, created_at=at, started_at=at, finished_at=ended_at, after_label=after_label)
        number = self._add(job)
        self.likely[number] = job.id
        return number

    def add_roll_back(self, moment: Moment) -> None:
        after_label = max((text.number for text in self.texts_at(moment.at)), default=0)
        row = PromotionRecord(
            0, self.recording.model, "0", moment.version, moment.at, True, BY_LOOP, after_label=after_label
        )
        self.undone.append(row)

    def _add(self, job: JobRecord) -> int:
        number = len(self.jobs) + 1
        self.jobs[number] = replace(job, id=number)
        return number

    def record(self, moment: Moment, done: Done, *, by: str = LOOP) -> None:
        """As `core.ledger_tables.loop_steps.LoopSteps.record`."""
        last = self.steps[-1] if self.steps else None
        same = (moment.version, done.did, done.action, done.rule, by)
        if last and done.did in LASTING and (last.version, last.did, last.action, last.rule, last.by) == same:
            self.steps[-1] = replace(last, seen_at=moment.at, reason=done.reason, until=done.until)
            return
        ended = [number for number, job in self.jobs.items() if not _seen_at(job, moment.at).is_unfinished]
        promotions = [row.id for row in self.recording.records.promotions if row.created_at <= moment.at]
        self.steps.append(
            LoopStep(
                id=len(self.steps) + 1,
                model=self.recording.model,
                created_at=moment.at,
                seen_at=moment.at,
                version=moment.version,
                by=by,
                decision_id=None,
                after_job=max(ended, default=0),
                after_promotion=max(promotions, default=0),
                after_label=max((text.number for text in self.texts_at(moment.at)), default=0),
                **vars(done),
            )
        )


def _seen_at(job: JobRecord, at: str) -> JobRecord:
    """The job as it was at a time."""
    if job.finished_at is not None and job.finished_at <= at:
        return job
    return replace(job, status="running", finished_at=None, result=None, error=None)


def _likely(jobs: Sequence[JobRecord], at: str) -> JobRecord | None:
    ended = [job for job in jobs if job.finished_at is not None]
    return next((job for job in ended if job.created_at >= at), ended[-1] if ended else None)
