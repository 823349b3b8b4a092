"""What the ledger recorded of a model, and the rounds of its monitor: times at which a policy would have decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.ledger_tables.loop_steps import LASTING, LOOP, LoopStep
from core.records import Decision, DecisionRecord
from lifecycle.policy.clock import later
from lifecycle.policy.history import Records

MOST_ROUNDS = 20_000
"""Rounds between recorded ones that are tried at most; more of them are further apart."""


@dataclass(frozen=True)
class Recording:
    """All records and decisions, the oldest first; `checked`: times of checks; `interval_s`: between two rounds."""

    model: str
    version: str
    records: Records
    decisions: Sequence[DecisionRecord]
    checked: Sequence[str]
    interval_s: float


@dataclass(frozen=True)
class Moment:
    """A time at which a round decided, or at which a person answered the loop: `step` is what was recorded then, None
    between two rounds that found the same.
    """

    at: str
    version: str
    decision: Decision | None
    step: LoopStep | None = None

    @property
    def is_round(self) -> bool:
        return self.step is None or self.step.by == LOOP


def moments_of(recording: Recording) -> Iterator[Moment]:
    """In their order. Before the first step, in an earlier release, checks and decisions tell when the rounds were;
    those of the last interval before it are of its own round.
    """
    steps = recording.records.steps
    first = later(steps[0].created_at, -recording.interval_s) if steps else "9"
    times = {*recording.checked, *(row.created_at for row in recording.decisions)}
    for at in sorted(time for time in times if time < first):
        yield Moment(at, recording.version, _decision_at(recording, at))
    interval_s = _interval_s(recording)
    for step in steps:
        yield Moment(step.created_at, step.version, _decision_of(recording, step), step)
        if step.by == LOOP and step.did in LASTING:
            for at in _between(step, interval_s):
                yield Moment(at, step.version, _decision_at(recording, at))


def _between(step: LoopStep, interval_s: float) -> Iterator[str]:
    """The rounds that found the same, the last one included."""
    at = later(step.created_at, interval_s)
    while at < step.seen_at:
        yield at
        at = later(at, interval_s)
    if step.seen_at > step.created_at:
        yield step.seen_at


def _interval_s(recording: Recording) -> float:
    spans = [(step.created_at, step.seen_at) for step in recording.records.steps if step.did in LASTING]
    total_s = sum((datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() for begin, end in spans)
    return max(recording.interval_s, total_s / MOST_ROUNDS)


def _decision_of(recording: Recording, step: LoopStep) -> Decision | None:
    known = {row.id: row.decision for row in recording.decisions}
    found = known.get(step.decision_id or 0)
    return found or _decision_at(recording, step.created_at)


def _decision_at(recording: Recording, at: str) -> Decision | None:
    return next((row.decision for row in reversed(recording.decisions) if row.created_at <= at), None)
