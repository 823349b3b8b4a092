"""What to do about a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Decision, Verdict
from core.share import wilson_interval


@dataclass(frozen=True)
class Measured:
    """Labelled rows of the fresh kind that nothing was trained on, as the champion answered them.

    `expected` is the champion's accuracy on its reference, None where that has no labels.
    """

    rows: int
    correct: int
    expected: float | None
    unknown_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labels:
    """Label requests since a drift began: how many were made, how many are still open, and whether it was the last
    check that asked.
    """

    asked: int
    still_open: int
    is_of_this_check: bool = True


def decide(verdict: Verdict | None, labels: Labels, measured: Measured, *, budget: int, available: int) -> Decision:
    """`none`, `label N`, `retrain` or `watch` for the last conclusive verdict of the champion.

    `budget` is the number of labels to ask for, `available` the unlabelled rows of the window.
    """
    if verdict is None or not verdict.is_conclusive:
        return Decision("none", verdict.sentence if verdict else "No check of this version has had enough rows yet.")
    if verdict.outcome == "ok":
        return Decision("none", verdict.sentence)
    if labels.asked == 0 and available > 0:
        count = min(budget, available)
        return Decision("label", f"Inputs drifted; {count} labels show whether that costs accuracy.", count)
    if labels.still_open > 0:
        reason = f"Inputs drifted; {labels.asked - labels.still_open} of the {labels.asked} labels asked for are here."
        return Decision("label", reason, labels.still_open)
    found = _with_labels(measured)
    if found.action == "watch" and available > 0 and not labels.is_of_this_check and _is_doubted(verdict, measured):
        count = min(budget, available)
        reason = f"Labels showed {_share(measured)}, and what came since is estimated lower; {count} more show it."
        return Decision("label", reason, count)
    return found


def _is_doubted(verdict: Verdict, measured: Measured) -> bool:
    """Whether all that the estimate of a check allows lies below all that labels of earlier rows do."""
    estimate = verdict.estimated_accuracy
    if estimate is None or measured.rows == 0:
        return False
    return estimate.high < wilson_interval(measured.correct, measured.rows)[0]


def _share(measured: Measured) -> str:
    return f"{measured.correct} of {measured.rows} held-out fresh rows right"


def _with_labels(measured: Measured) -> Decision:
    low, high = wilson_interval(measured.correct, measured.rows)
    interval = f"{_share(measured)} (95 % interval {low:.0%} to {high:.0%})"
    if measured.unknown_labels:
        names = ", ".join(measured.unknown_labels[:5])
        count = len(measured.unknown_labels)
        plural = "s" if count > 1 else ""
        return Decision("retrain", f"{count} label{plural} that the champion does not know ({names}); {interval}.")
    if measured.rows == 0:
        return Decision("watch", "Inputs drifted; no label of a held-out fresh row shows whether that costs accuracy.")
    if measured.expected is None:
        return Decision("watch", f"Inputs drifted; {interval}, and no accuracy to compare it with.")
    if high < measured.expected:
        return Decision("retrain", f"Accuracy fell: {interval}, {measured.expected:.0%} expected.")
    return Decision("watch", f"Inputs drifted but accuracy holds so far: {interval}, {measured.expected:.0%} expected.")
