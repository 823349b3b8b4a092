"""Decides what to do after a check, by the first rule that applies."""

from __future__ import annotations

from dataclasses import replace

from core.records import Decision
from lifecycle.labels.queue import NO_TEXTS
from lifecycle.policy.case import Case
from lifecycle.policy.rules import RULES


def decide(case: Case) -> Decision:
    """`none`, `watch`, `label N`, `retrain` or `roll back`.

    If no texts are stored, labels cannot be requested: `label N` becomes `watch`, and the reason says why.
    """
    decision = next(decision for rule in RULES if (decision := rule(case)))
    if decision.action in ("label", "watch", "retrain"):
        decision = replace(decision, reason=f"{decision.reason}{case.labels.note}")
    if case.texts_are_kept or decision.action not in ("label", "watch"):
        return decision
    return Decision("watch", f"{decision.reason} {NO_TEXTS}")
