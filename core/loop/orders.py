"""What a person tells the loop: to try again, or that a champion stays; each is recorded in the ledger."""

from __future__ import annotations

from typing import Any

from core import freezes
from core.errors import Unavailable
from core.freezes import Freeze
from core.home import Home
from core.ledger_tables.loop_steps import Did, Done, LoopStep
from core.promotion import lock_of


def resume(home: Home, model: str, *, by: str, reason: str = "") -> LoopStep:
    """Let the loop try again, whatever was refused, failed or undone before. Raises `ModelNotFound` or `NoChampion`."""
    return _record(home, model, "resumed", by=by, reason=reason)


def freeze(home: Home, model: str, made: Freeze) -> Freeze:
    """As `core.freezes.freeze`, recorded in the ledger if that can be reached."""
    done = freezes.freeze(home.registry, lock_of(home), model, made)
    _note(home, model, "frozen", by=made.by, reason=made.words, until=made.until)
    return done


def unfreeze(home: Home, model: str, *, by: str) -> Freeze | None:
    """As `core.freezes.unfreeze`, recorded in the ledger if that can be reached."""
    ended = freezes.unfreeze(home.registry, lock_of(home), model)
    if ended is not None:
        _note(home, model, "unfrozen", by=by, reason=f"It was {ended.words}.")
    return ended


def _record(home: Home, model: str, did: Did, *, by: str, **facts: Any) -> LoopStep:
    version = home.registry.champion(model).version
    return home.ledger.loop_steps.record(model, version, Done(did, **facts), by=by)


def _note(home: Home, model: str, did: Did, *, by: str, **facts: Any) -> None:
    """The file alone decides; without a ledger it is not recorded."""
    try:
        _record(home, model, did, by=by, **facts)
    except Unavailable:
        return
