"""What the loop does with a decision by itself: nothing, hold it back, propose it, or start it."""

from __future__ import annotations

from dataclasses import dataclass

from core.ledger_tables.loop_steps import Did, Done
from core.policy_config import Policy
from core.records import Decision
from lifecycle.policy.history import History
from lifecycle.policy.limits import LIMITS, LIMITS_OF_PROPOSALS, Question
from lifecycle.policy.wish import Wish, wish_of


@dataclass(frozen=True)
class NextStep:
    """`wish`: None if nothing is to be done; `missing`: texts whose labels would let it be done."""

    done: Done
    wish: Wish | None = None
    missing: int = 0


def next_step(model: str, decision: Decision, history: History, policy: Policy, now: str) -> NextStep:
    """By the first limit that applies; `now`: time of the round, UTC."""
    wish = wish_of(decision, history, policy, now)
    if wish is None:
        return NextStep(Done("nothing", reason=f"{decision.sentence}: {decision.reason}"))
    question = Question(model, wish, history, policy, now)
    for limit in LIMITS if policy.mode == "auto" else LIMITS_OF_PROPOSALS:
        if objection := limit(question):
            done = Done("held", wish.action, objection.rule, objection.reason, objection.until)
            return NextStep(done, wish, objection.missing)
    did: Did = "started" if policy.mode == "auto" else "proposed"
    return NextStep(Done(did, wish.action, "schedule" if wish.is_scheduled else "", wish.reason), wish)
