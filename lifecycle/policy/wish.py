"""What is to be done with a model: by its decision, or else by the schedule."""

from __future__ import annotations

from dataclasses import dataclass

from core.ledger_tables.loop_steps import RETRAIN
from core.policy_config import Policy
from core.records import Decision
from lifecycle.policy.clock import date_of, weekday
from lifecycle.policy.history import History

ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Wish:
    """`action`: "retrain" or "roll back"; `waiting`: the version that a retrain puts in service without training again;
    `is_scheduled`: whether the schedule wants it, and not the decision.
    """

    action: str
    reason: str
    waiting: str | None = None
    is_scheduled: bool = False


def wish_of(decision: Decision, history: History, policy: Policy, now: str) -> Wish | None:
    if decision.action in (RETRAIN, ROLL_BACK):
        return Wish(decision.action, decision.reason, decision.waiting)
    return _scheduled(history, policy, now) if policy.days else None


def _scheduled(history: History, policy: Policy, now: str) -> Wish | None:
    """On one of the days, once that day; what was proposed stays so."""
    last = history.last
    if not history.is_day_proposed:
        was_today = last is not None and last.ended_at and _is_same_day(last.ended_at, now, policy)
        if weekday(now, policy.clock) not in policy.days or was_today:
            return None
    count = history.new_texts(max(last.after_label if last else 0, history.promoted_after_label))
    if count < policy.day_labels:
        return None
    days = ", ".join(day.capitalize() for day in policy.days)
    since = f"{count} texts were labelled since the last retrain (policy.retrain_labels: {policy.day_labels})"
    return Wish(RETRAIN, f"Due on {days} ({policy.clock}): {since}.", is_scheduled=True)


def _is_same_day(time: str, now: str, policy: Policy) -> bool:
    return date_of(time, policy.clock) == date_of(now, policy.clock)
