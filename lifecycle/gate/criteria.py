"""The criteria of the gate. Each returns an objection to the promotion, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.config import GateConfig
from core.paired import Z_POWER
from core.records import Comparison, GateAnswer
from lifecycle.gate.wording import accuracy_on, points


@dataclass(frozen=True)
class Objection:
    """`labels_needed`: estimated number of labels until the criterion can decide, None if labels do not help."""

    answer: GateAnswer
    reason: str
    labels_needed: int | None = None


Criterion = Callable[[Comparison, Comparison, GateConfig], Objection | None]
"""Takes the comparison on fresh rows and the comparison on old rows."""


def not_worse_on_old_rows(fresh: Comparison, old: Comparison, settings: GateConfig) -> Objection | None:
    """The loss of accuracy on old rows is at most `max_old_drop` plus a margin for chance (one-sided 80 %).

    With 100 rows, one percentage point is one row: without the margin, a third of the equally good challengers would be
    held. The margin decreases with the number of rows.
    """
    lost = -old.paired.gain
    if lost - Z_POWER * old.paired.standard_error <= settings.max_old_drop + 1e-9:
        return None
    reason = f"{accuracy_on(old, 'old')}: {points(lost)} lost, more than the {points(settings.max_old_drop)} allowed"
    if old.paired.reversed.p_value <= settings.alpha:
        return Objection("reject", f"{reason}.")
    needed = _more_rows(old)
    return Objection("hold", f"{reason}, but it may be chance.{_labels_hint(needed, 'old')}", needed)


def enough_fresh_rows(fresh: Comparison, old: Comparison, settings: GateConfig) -> Objection | None:
    missing = settings.min_rows - fresh.rows
    if missing <= 0:
        return None
    reason = f"Only {fresh.rows} fresh labelled rows were held back; {missing} more are needed to compare."
    return Objection("hold", reason, missing)


def better_on_fresh_rows(fresh: Comparison, old: Comparison, settings: GateConfig) -> Objection | None:
    """By the one-sided exact McNemar test."""
    if fresh.p_value <= settings.alpha:
        return None
    if fresh.wins <= fresh.losses:
        return Objection(
            "reject", f"{accuracy_on(fresh, 'fresh')}: not better ({fresh.wins} won, {fresh.losses} lost)."
        )
    needed = _more_rows(fresh)
    reason = f"{accuracy_on(fresh, 'fresh')}: better, but it may be chance (p = {fresh.p_value:.2g})."
    return Objection("hold", f"{reason}{_labels_hint(needed, 'fresh')}", needed)


CRITERIA: tuple[Criterion, ...] = (not_worse_on_old_rows, enough_fresh_rows, better_on_fresh_rows)
"""In the order of evaluation; the first objection decides."""


def _more_rows(comparison: Comparison) -> int | None:
    needed = comparison.paired.rows_needed
    return None if needed is None else max(1, needed - comparison.rows)


def _labels_hint(needed: int | None, kind: str) -> str:
    return f" About {needed} more {kind} labels would settle it." if needed else ""
