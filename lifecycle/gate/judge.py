"""The gate's verdict on a challenger."""

from __future__ import annotations

from dataclasses import replace

from core.gate_words import accuracy_on, points
from core.records import GateVerdict
from lifecycle.gate.criteria import CRITERIA
from lifecycle.gate.trial import Trial


def judge(trial: Trial) -> GateVerdict:
    """`promote` without an objection, else the first objection: `hold` or `reject` with a reason."""
    fresh, old, found = replace(trial.fresh, p_value=trial.p_value), trial.old, trial.disagreements
    for criterion in CRITERIA:
        if objection := criterion(trial):
            return GateVerdict(objection.answer, objection.reason, fresh, old, objection.labels_needed, found)
    reason = (
        f"{accuracy_on(fresh, 'fresh')}: better (p = {fresh.p_value:.2g}, {fresh.wins} won, {fresh.losses} lost)"
        f"{_over_the_window(trial)}. "
        f"{accuracy_on(old, 'old')}: no more than {points(trial.settings.max_old_drop)} lost, apart from chance."
    )
    return GateVerdict("promote", reason, fresh, old, disagreements=found)


def _over_the_window(trial: Trial) -> str:
    gain = trial.gain
    if gain.rows == 0:
        return ""
    return f", {points(gain.value)} over the window (95 % interval {points(gain.low)} to {points(gain.high)})"
