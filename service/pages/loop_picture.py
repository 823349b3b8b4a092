"""The loop as six steps with where a model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.guards import Guard
from core.records import CheckRecord, DecisionRecord, JobRecord, PromotionRecord
from service.pages.loop_state import LoopState

Lit = Literal["done", "now", "later"]
STEPS = ("Traffic", "Drift", "Labels", "Retrain", "Gate", "Guard")


@dataclass(frozen=True)
class Step:
    """`words`: what is known of it."""

    name: str
    lit: Lit
    words: str


@dataclass(frozen=True)
class Standing:
    """What tells where the loop is; `labels_open`: requests without an answer."""

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
        f"job {standing.job.id}: {standing.job.status}" if standing.job else "",
        _judged(standing.promotion),
        _guard(standing.guard),
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


def _judged(promotion: PromotionRecord | None) -> str:
    if promotion is None or promotion.gate is None:
        return ""
    return f"version {promotion.version} {'promoted' if promotion.promoted else 'refused'}"


def _guard(guard: Guard | None) -> str:
    if guard is None or guard.previous is None:
        return ""
    return f"version {guard.version}: {guard.outcome or 'watched'}"
