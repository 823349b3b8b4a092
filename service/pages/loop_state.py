"""What the loop of a model waits for, and whether its champion is frozen."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import utc_now
from core.errors import Unavailable
from core.freezes import Freeze, freeze_of
from core.guards import Guard, Guards
from core.home import Home
from core.loop_steps import LoopStep
from core.proposals import Proposal


@dataclass(frozen=True)
class LoopState:
    """`proposal`: the open one; `held`: the step in which the loop holds back until labels come or a person tells it to
    go on; `guard`: the last one.
    """

    freeze: Freeze | None = None
    proposal: Proposal | None = None
    held: LoopStep | None = None
    guard: Guard | None = None


def loop_state(home: Home, model: str) -> LoopState:
    """Without the ledger only the freeze is known."""
    frozen = freeze_of(home.registry, model, now=utc_now())
    try:
        proposal = home.ledger.proposals.open(model)
        step = next(iter(home.ledger.loop_steps.latest(model, limit=1)), None)
        guard = next(iter(Guards(home.ledger.database).latest(model, limit=1)), None)
    except Unavailable:
        return LoopState(frozen)
    return LoopState(frozen, proposal, step if step is not None and step.waits_for_person else None, guard)
