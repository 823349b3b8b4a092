"""The loop as six steps with where a model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.ledger_tables.guards import Guard
from core.records import CheckRecord, DecisionRecord, JobRecord, PromotionRecord
from service.pages.loop_state import LoopState

Lit = Literal["done", "now", "later"]
ENDS = {
    None: "watched",
    "passed": "passed",
    "rolled back": "rolled back",
    "told": "told",
    "overtaken": "another version came",
}
STEPS = ("Traffic", "Drift", "Labels", "Retrain", "Gate", "Guard")


@dataclass(frozen=True)
class Step:
    """`words`: what is known of it."""

    name: str
    lit: Lit
    words: str


@dataclass(frozen=True)
class Standing:
    """What tells where the loop is. `check`, `decision`: since the version is in service; `job`: the last retrain;
    `promotion`: what the gate said last; `labels_open`: requests without an answer.
    """

    check: CheckRecord | None = None
    decision: DecisionRecord | None = None
    job: JobRecord | None = None
    promotion: PromotionRecord | None = None
    guard: Guard | None = None
    loop: LoopState = LoopState()
    labels_asked: int = 0
    labels_open: int = 0
    predictions: str = "0"


def steps_of(standing: Standing) -> list[Step]:
    """
    >>> [(step.name, step.lit) for step in steps_of(Standing(predictions="12"))][:2]
    [('Traffic', 'now'), ('Drift', 'later')]
    """
    now = STEPS.index(_where(standing))
    words = (
        f"{standing.predictions} texts",
        _verdict(standing.check),
        f"{standing.labels_asked - standing.labels_open} of {standing.labels_asked}" if standing.labels_asked else "",
        _retrain(standing),
        _judged(standing.promotion),
        _guard(standing),
    )
    return [
        Step(name, "now" if place == now else "done" if place < now else "later", words[place])
        for place, name in enumerate(STEPS)
    ]


def _where(standing: Standing) -> str:
    action = standing.decision.action if standing.decision else "none"
    if standing.job is not None and standing.job.is_unfinished:
        return "Gate" if (standing.job.progress or "").startswith("gate") else "Retrain"
    if standing.guard is not None and standing.guard.previous is not None and standing.guard.ended_at is None:
        return "Guard"
    if standing.loop.proposal is not None or action in ("retrain", "roll back"):
        return "Retrain"
    if standing.labels_open or action == "label":
        return "Labels"
    has_drifted = standing.check is not None and standing.check.verdict.outcome == "drift"
    return "Drift" if has_drifted else "Traffic"


def _verdict(check: CheckRecord | None) -> str:
    if check is None:
        return "not checked yet"
    return {"ok": "none", "drift": "found", "insufficient_data": "too few texts yet"}[check.verdict.outcome]


def _retrain(standing: Standing) -> str:
    """What is under way or waits, else the last one."""
    job, loop = standing.job, standing.loop
    if job is not None and job.is_unfinished:
        return f"job {job.id}: {job.status}"
    if loop.proposal is not None:
        return f"{loop.proposal.action} proposed, waits for you"
    if loop.held is not None:
        return "held back"
    if standing.decision is not None and standing.decision.action in ("retrain", "roll back"):
        return f"{standing.decision.action} decided, not begun"
    return f"last: job {job.id}, {job.status}" if job is not None else ""


def _judged(promotion: PromotionRecord | None) -> str:
    if promotion is None or promotion.gate is None:
        return ""
    return f"version {promotion.version} {'promoted' if promotion.promoted else 'refused'}"


def _guard(standing: Standing) -> str:
    guard, left = standing.guard, standing.loop.left
    if guard is None or guard.previous is None:
        return ""
    is_left = left is not None and left.previous == guard.version
    return f"version {guard.version}: {'went out of service' if is_left else ENDS[guard.outcome]}"
