"""The limits of the loop. Each returns an objection to what is to be done now, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.clock import moment
from core.ledger_tables.loop_steps import RETRAIN, Rule
from core.policy_config import DAY_S, Policy
from lifecycle.policy.clock import day_before, later, quiet_until
from lifecycle.policy.history import Attempt, History
from lifecycle.policy.wish import ROLL_BACK, Wish

MOST_TOLD = 200
"""Characters of an earlier reason in a sentence."""


@dataclass(frozen=True)
class Question:
    """May the loop do `wish` now? `now`: UTC, of the round."""

    model: str
    wish: Wish
    history: History
    policy: Policy
    now: str

    @property
    def needs_training(self) -> bool:
        """Whether the limits of attempts apply: none to a waiting version, unless the last attempt failed."""
        last = self.history.last
        has_failed = last is not None and last.ending == "failed"
        return self.wish.action == RETRAIN and (self.wish.waiting is None or has_failed)


@dataclass(frozen=True)
class Objection:
    """`until`: when it ends by itself; None if time does not end it; `missing`: texts whose labels end it."""

    rule: Rule
    reason: str
    until: str | None = None
    missing: int = 0


Limit = Callable[[Question], Objection | None]


def advise_only(question: Question) -> Objection | None:
    if question.policy.mode != "advise":
        return None
    command = "rollback" if question.wish.action == ROLL_BACK else "retrain"
    return Objection("mode", f"policy.mode is advise: a person decides, by retune {command} {question.model}.")


def one_at_a_time(question: Question) -> Objection | None:
    running = next((one for one in question.history.attempts if one.ending == "unfinished"), None)
    return Objection("running", f"Job {running.job} has not ended.") if running else None


def no_frozen_champion(question: Question) -> Objection | None:
    frozen = question.history.frozen
    return Objection("freeze", f"The champion is {frozen.words}.", frozen.until) if frozen else None


def no_roll_back_beside_guard(question: Question) -> Objection | None:
    """Two tests of the same labels would take an equal version back twice as often as is promised."""
    guarded = question.history.guarded
    if question.wish.action != ROLL_BACK or guarded is None:
        return None
    return Objection("guard", f"{question.model}@{guarded} is guarded: its guard takes it back if it disappoints.")


def no_more_after_many(question: Question) -> Objection | None:
    """Refused or failed again and again: a person looks first."""
    failed = question.history.in_a_row
    if not question.needs_training or len(failed) < question.policy.stop_after:
        return None
    told = f"The last {len(failed)} retrains were refused or failed (policy.stop_after: {question.policy.stop_after})"
    return Objection("stopped", f"{told}: {_cut(failed[0].told)} To go on: retune resume {question.model}.")


def new_labels_after_refusal(question: Question) -> Objection | None:
    """The same rows would be refused, or undone, again."""
    history, needed = question.history, question.policy.min_texts
    if history.undone is not None and (question.needs_training or question.wish.action == ROLL_BACK):
        count = history.new_texts(history.undone.after_label)
        if count < needed:
            told = f"{_cut(history.undone.told)} {_of_new(count, needed, question.model)}"
            return Objection("new labels", told, missing=needed - count)
    last = history.last
    if not question.needs_training or last is None or last.ending != "refused" or history.is_forgiven:
        return None
    count = history.new_texts(last.after_label)
    if count >= needed:
        return None
    told = f"The last challenger was refused. {_of_new(count, needed, question.model)}"
    return Objection("new labels", told, missing=needed - count)


def not_again_after_decline(question: Question) -> Objection | None:
    declined, needed = question.history.declined, question.policy.min_texts
    if declined is None or declined.action != question.wish.action:
        return None
    count = question.history.new_texts(declined.after_label)
    if count >= needed:
        return None
    told = f"{_cut(declined.told)} {_of_new(count, needed, question.model)}"
    return Objection("declined", told, missing=needed - count)


def cool_down(question: Question) -> Objection | None:
    last = question.history.last
    if not question.needs_training or last is None or question.history.is_forgiven:
        return None
    until = later(last.ended_at, question.policy.cooldown_s)
    if question.now >= until:
        return None
    return Objection(
        "cool-down", f"The last retrain ended {moment(last.ended_at)}; the next begins after {moment(until)}.", until
    )


def quiet_hours(question: Question) -> Objection | None:
    """A roll back does not wait for the morning."""
    if question.policy.quiet is None or question.wish.action != RETRAIN:
        return None
    until = quiet_until(question.now, question.policy.quiet, question.policy.clock)
    return Objection("quiet hours", f"Quiet hours last until {moment(until)}.", until) if until else None


def budget_of_the_day(question: Question) -> Objection | None:
    """What the last retrain took has to be left, but one retrain a day is always within the budget."""
    budget_s = question.policy.cpu_s_per_day
    if not budget_s or not question.needs_training or question.wish.waiting:
        return None
    since = day_before(question.now)
    costs = [one for one in question.history.attempts if one.ended_at > since and one.cpu_s > 0]
    spent_s = sum(one.cpu_s for one in costs)
    if not costs or spent_s + costs[-1].cpu_s <= budget_s:
        return None
    until = _affordable_at(costs, budget_s)
    told = f"Retrains took {spent_s / 60:.1f} CPU minutes in 24 hours, the last one {costs[-1].cpu_s / 60:.1f}"
    allowed = f"{budget_s / 60:g} are allowed (policy.cpu_minutes_per_day)"
    return Objection("budget", f"{told}; {allowed}. The next begins after {moment(until)}.", until)


LIMITS_OF_PROPOSALS: tuple[Limit, ...] = (
    advise_only,
    one_at_a_time,
    no_frozen_champion,
    no_roll_back_beside_guard,
    no_more_after_many,
    new_labels_after_refusal,
    not_again_after_decline,
    cool_down,
)
"""In the order of evaluation. A person may accept a proposal at night, and knows what it costs."""
LIMITS: tuple[Limit, ...] = (*LIMITS_OF_PROPOSALS, quiet_hours, budget_of_the_day)


def _affordable_at(costs: list[Attempt], budget_s: float) -> str:
    """When so much is older than a day that another retrain as the last one fits, or nothing is left."""
    left = list(costs)
    ended_at = costs[-1].ended_at
    while left and sum(one.cpu_s for one in left) + costs[-1].cpu_s > budget_s:
        ended_at = left.pop(0).ended_at
    return later(ended_at, DAY_S)


def _of_new(count: int, needed: int, model: str) -> str:
    return f"{count} of {needed} further texts are labelled (labels.min_texts); or: retune resume {model}."


def _cut(told: str) -> str:
    return told if len(told) <= MOST_TOLD else f"{told[:MOST_TOLD]}…"
