"""Replays what was recorded of a model under a policy: what would have been started, proposed and held back, and why.

Decisions, labels and what people did stay as recorded: a version that only the replay promotes answers nothing.
"""

from __future__ import annotations

from core.freezes import Freeze
from core.ledger_tables.loop_steps import RETRAIN, Done, LoopStep
from core.policy_config import Policy
from lifecycle.policy.history import history_of
from lifecycle.policy.next_step import next_step
from lifecycle.simulation.course import Course
from lifecycle.simulation.recording import Moment, Recording, moments_of

AS_RECORDED = ("overtaken", "error")
"""Rules of steps that no policy decides: what was recorded is what happens."""


def replay(recording: Recording, policy: Policy) -> Course:
    """The course under the policy. Under the policy that was in force, its steps are the recorded ones."""
    course = Course(recording)
    asked = [job for job in recording.records.jobs if job.reason is None and job.id not in _accepted(recording)]
    for moment in moments_of(recording):
        while asked and asked[0].created_at <= moment.at:
            course.add_job(asked.pop(0))
        if moment.is_round:
            _decide(course, moment, policy)
        else:
            _answer(course, moment)
    return course


def _accepted(recording: Recording) -> set[int]:
    return {step.job_id for step in recording.records.steps if step.did == "accepted" and step.job_id}


def _decide(course: Course, moment: Moment, policy: Policy) -> None:
    if moment.decision is None:
        return
    history = history_of(course.records_at(moment.at), now=moment.at, frozen=course.frozen_at(moment.at))
    done = next_step(course.recording.model, moment.decision, history, policy, moment.at).done
    course.is_open = done.did == "proposed"
    if done.did == "started":
        done = _started(course, moment, done)
    course.record(moment, done)


def _started(course: Course, moment: Moment, done: Done) -> Done:
    step = moment.step
    if step is not None and step.rule in AS_RECORDED and step.action == done.action:
        return Done(step.did, step.action, step.rule, step.reason, step.until)
    if done.action != RETRAIN:
        course.add_roll_back(moment)
        return Done("rolled back", done.action, done.rule, done.reason)
    recorded = next((job for job in course.recording.records.jobs if step and job.id == step.job_id), None)
    number = course.add_likely_job(moment.at) if recorded is None else course.add_job(recorded)
    return Done("started", done.action, done.rule, done.reason, job_id=number)


def _answer(course: Course, moment: Moment) -> None:
    """What a person did: it counts as far as there was something to answer."""
    step = moment.step
    if step is None:
        return
    if step.did in ("accepted", "declined"):
        if not course.is_open:
            return
        course.is_open = False
        recorded = next((job for job in course.recording.records.jobs if job.id == step.job_id), None)
        if recorded is not None:
            course.add_job(recorded)
    if step.did in ("frozen", "unfrozen"):
        course.frozen = Freeze(step.created_at, step.until, step.reason) if step.did == "frozen" else None
    course.record(moment, _as_done(step), by=step.by)


def _as_done(step: LoopStep) -> Done:
    return Done(step.did, step.action, step.rule, step.reason, step.until, step.job_id)
