"""The criteria of the gate. Each returns an objection to the promotion, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from core.gate_words import accuracy_on, points
from core.paired import Z_POWER, Paired
from core.records import Comparison, GateAnswer
from lifecycle.gate.sequential import anytime_p_value, rows_until_settled
from lifecycle.gate.trial import Trial

SMALLEST_LOT, LARGEST_LOT = 10, 40
"""Labels on disagreements that are requested at once. After each lot the gate looks again."""

ENOUGH_DECIDED = 20
"""A challenger that has won no more than it has lost on so many rows is rejected: one that wins seven of ten such rows
gets there with a chance of 5 %."""

MOST_FURTHER = 200


@dataclass(frozen=True)
class Objection:
    """`labels_needed`: number of labels to request until the criterion looks again, None if labels do not help."""

    answer: GateAnswer
    reason: str
    labels_needed: int | None = None


Criterion = Callable[[Trial], Objection | None]


def not_worse_on_old_rows(trial: Trial) -> Objection | None:
    """The loss of accuracy on old rows is at most `max_old_drop` plus a margin for chance (one-sided 80 %).

    A challenger that loses `max_old_drop` is refused with a chance of 20 %, an equal one with less; one that loses
    `max_old_drop` plus 1.7 standard errors is refused with a chance of 80 %. A test of non-inferiority at 5 % would
    hold nearly every challenger: with 200 old rows it can exclude no loss below two points.
    """
    old, allowed = trial.old, trial.settings.max_old_drop
    if not loses_more(old.paired, allowed):
        return None
    reason = f"{accuracy_on(old, 'old')}: {points(-old.paired.gain)} lost, more than the {points(allowed)} allowed"
    if old.paired.reversed.p_value <= trial.settings.alpha:
        return Objection("reject", f"{reason}.")
    return Objection("hold", f"{reason}, but it may be chance.{_labels_hint(_more_rows(old), 'old')}")


def loses_more(paired: Paired, allowed: float) -> bool:
    """Whether the loss is more than the `allowed` one plus a margin for chance (one-sided 80 %)."""
    return -paired.gain - Z_POWER * paired.standard_error > allowed + 1e-9


def no_label_lost(trial: Trial) -> Objection | None:
    """No label whose texts the champion recognises has half of its recall or less."""
    lost = trial.lost_labels
    if not lost:
        return None
    label, (rows, before, after) = next(iter(lost.items()))
    others = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
    return Objection("reject", f"Of {rows} rows of {label!r}{others}, {before} were right and {after} are.")


def forgets(trial: Trial) -> bool:
    """Whether it loses what the champion knows: labels of fresh rows would not change that."""
    return not_worse_on_old_rows(trial) is not None or no_label_lost(trial) is not None


def enough_fresh_rows(trial: Trial) -> Objection | None:
    missing = trial.settings.min_rows - trial.fresh.rows
    if missing <= 0 or _answer_alike(trial):
        return None
    reason = f"Only {trial.fresh.rows} fresh labelled rows were held back; {missing} more are needed to compare."
    return Objection("hold", reason, missing)


def better_where_they_differ(trial: Trial) -> Objection | None:
    """By a sign test that is valid after each lot of labels."""
    fresh, texts = trial.fresh, trial.disagreements.texts
    if trial.p_value <= trial.settings.alpha:
        return None
    if _answer_alike(trial):
        return Objection("reject", f"They answer all {texts} held-out texts alike: nothing to promote for.")
    score = f"{fresh.wins} won, {fresh.losses} lost"
    if anytime_p_value(fresh.losses, fresh.wins) <= trial.settings.alpha:
        return Objection("reject", f"{accuracy_on(fresh, 'fresh')}: worse ({score}).")
    can_ask = trial.open > 0 if texts else trial.decided < ENOUGH_DECIDED
    if fresh.wins <= fresh.losses and (trial.decided >= ENOUGH_DECIDED or not can_ask):
        return Objection("reject", f"{accuracy_on(fresh, 'fresh')}: not better ({score}).")
    reason = f"{accuracy_on(fresh, 'fresh')}: {score}, which may be chance (p = {trial.p_value:.2g})."
    if not texts:
        needed = _more_rows(fresh)
        return Objection("hold", f"{reason}{_labels_hint(needed, 'fresh')}", needed)
    if trial.open == 0:
        return Objection("hold", f"{reason} All texts on which they differ have labels; new texts will show more.")
    return Objection("hold", f"{reason} {_could_gain(trial)}", _lot(trial))


CRITERIA: tuple[Criterion, ...] = (
    not_worse_on_old_rows,
    no_label_lost,
    enough_fresh_rows,
    better_where_they_differ,
)
"""In the order of evaluation; the first objection decides."""


def _answer_alike(trial: Trial) -> bool:
    found = trial.disagreements
    return found.texts > 0 and not found.differing and trial.decided == 0


def _lot(trial: Trial) -> int:
    """As many labels as the sign test is expected to need, within the bounds of a lot."""
    further = rows_until_settled(trial.fresh.wins, trial.fresh.losses, alpha=trial.settings.alpha, most=MOST_FURTHER)
    wanted = LARGEST_LOT if further is None else ceil(further / trial.decided_share)
    return min(trial.open, max(SMALLEST_LOT, min(LARGEST_LOT, wanted)))


def _could_gain(trial: Trial) -> str:
    found, gain = trial.disagreements, trial.gain
    differ = f"They differ on {len(found.differing)} of {found.texts} held-out texts"
    if gain.rows == 0:
        return f"{differ}, so the gain is at most {points(found.share)}."
    return f"{differ}; the gain is between {points(gain.low)} and {points(gain.high)}."


def _more_rows(comparison: Comparison) -> int | None:
    needed = comparison.paired.rows_needed
    return None if needed is None else max(1, needed - comparison.rows)


def _labels_hint(needed: int | None, kind: str) -> str:
    return f" About {needed} more {kind} labels would settle it." if needed else ""
