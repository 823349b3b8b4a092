"""The gate's verdict on a challenger."""

from __future__ import annotations

from core.config import GateConfig
from core.records import Comparison, GateVerdict
from lifecycle.gate.criteria import CRITERIA
from lifecycle.gate.wording import accuracy_on, points


def judge(fresh: Comparison, old: Comparison, settings: GateConfig) -> GateVerdict:
    """`promote` without an objection, else the first objection: `hold` or `reject` with a reason."""
    for criterion in CRITERIA:
        if objection := criterion(fresh, old, settings):
            return GateVerdict(objection.answer, objection.reason, fresh, old, objection.labels_needed)
    reason = (
        f"{accuracy_on(fresh, 'fresh')}: better (p = {fresh.p_value:.2g}, {fresh.wins} won, {fresh.losses} lost). "
        f"{accuracy_on(old, 'old')}: no more than {points(settings.max_old_drop)} lost, apart from chance."
    )
    return GateVerdict("promote", reason, fresh, old)
