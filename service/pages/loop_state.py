"""What the loop of a model waits for, and whether its champion is frozen."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import utc_now
from core.errors import Unavailable
from core.freezes import Freeze, freeze_of
from core.home import Home
from core.ledger_tables.guards import Guard, Guards
from core.ledger_tables.loop_steps import LoopStep
from core.ledger_tables.proposals import Proposal
from core.loop.standing import Held, loop_standing
from core.records import PromotionRecord


@dataclass(frozen=True)
class LoopState:
    """`proposal`: the open one for the champion; `guard`: the last one; the others as in `LoopStanding`."""

    freeze: Freeze | None = None
    proposal: Proposal | None = None
    guard: Guard | None = None
    held: Held | None = None
    told: LoopStep | None = None
    left: PromotionRecord | None = None


def loop_state(home: Home, model: str) -> LoopState:
    """Without the ledger only the freeze is known."""
    frozen = freeze_of(home.registry, model, now=utc_now())
    try:
        proposal = _of_champion(home, home.ledger.proposals.open(model))
        standing = loop_standing(home, model)
        guard = next(iter(Guards(home.ledger.database).latest(model, limit=1)), None)
    except Unavailable:
        return LoopState(frozen)
    return LoopState(frozen, proposal, guard, standing.held, standing.told, standing.left)


def _of_champion(home: Home, proposal: Proposal | None) -> Proposal | None:
    """None for a version that is no longer in service: it cannot be accepted, and the next round withdraws it."""
    pointer = home.registry.readable_pointer(proposal.model) if proposal is not None else None
    return proposal if proposal is not None and pointer is not None and pointer.version == proposal.version else None
