"""Where the loop of a model stands between two rounds of the monitor: what holds it back, and what people told it."""

from __future__ import annotations

from dataclasses import dataclass

from core.home import Home
from core.ledger_tables.loop_steps import Did, LoopStep, Rule
from core.records import PromotionRecord

PROMOTIONS = 20
"""Promotions and refusals that are looked at for the last change of the champion."""
STEPS = 10
FREEZES: tuple[Did, ...] = ("frozen", "unfrozen")
ORDERS: dict[Did, str] = {
    "resumed": "let the loop try again",
    "unfrozen": "ended the freeze",
    "accepted": "accepted the proposal",
}
"""What a person told the loop, and the next round finds."""


@dataclass(frozen=True)
class Held:
    """Why the loop holds back until labels come or a person tells it to go on."""

    rule: Rule
    reason: str
    at: str


@dataclass(frozen=True)
class LoopStanding:
    """`told`: what a person told the loop since its last round; `left`: the promotion by which a later version went out
    of service, if the champion is in service by it.
    """

    held: Held | None = None
    told: LoopStep | None = None
    left: PromotionRecord | None = None

    @property
    def left_version(self) -> str | None:
        return self.left.previous if self.left else None


def loop_standing(home: Home, model: str) -> LoopStanding:
    """Raises `Unavailable`."""
    steps = home.ledger.loop_steps.latest(model, limit=STEPS)
    left = _left(home, model)
    last = next((step for step in steps if step.did not in FREEZES), None)
    told = next((step for step in steps[:1] if step.did in ORDERS), None)
    return LoopStanding(_held(home, model, last, left), told, left)


def told_words(step: LoopStep) -> str:
    """Who told what, and what comes of it."""
    told = f"{step.by} {ORDERS[step.did]}"
    if step.did == "accepted":
        return f"{told}: job {step.job_id}." if step.job_id else f"{told}."
    return f"{told}: the next round of the monitor decides."


def _held(home: Home, model: str, step: LoopStep | None, left: PromotionRecord | None) -> Held | None:
    if left is not None and (step is None or step.after_promotion < left.id):
        told = f"{model}@{left.previous} went out of service{_because(left.reason)}."
        return Held("new labels", f"{told} {_ends(home, model)}", left.created_at)
    if step is None:
        return None
    if step.did == "declined":
        told = f"{step.by} declined to {step.action}{_because(step.reason)}."
        return Held("declined", f"{told} {_ends(home, model)}", step.created_at)
    return Held(step.rule, step.reason, step.created_at) if step.waits_for_person else None


def _because(reason: str) -> str:
    return f": {reason.rstrip('.')}" if reason else ""


def _ends(home: Home, model: str) -> str:
    count = home.config.labels.min_texts
    return f"The loop goes on after {count} further labelled texts (labels.min_texts), or: retune resume {model}."


def _left(home: Home, model: str) -> PromotionRecord | None:
    changes = (row for row in home.ledger.promotions(model, limit=PROMOTIONS) if row.promoted)
    last = next(changes, None)
    if last is None or not last.is_taken_back or last.previous not in home.registry.versions(model):
        return None
    pointer = home.registry.readable_pointer(model)
    return last if pointer is not None and pointer.version == last.version else None
