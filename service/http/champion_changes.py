"""Changes of the champion that an operator asks the server for, in JSON or by a form of a page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from core import promotion
from core.audit.entries import Action, Actor
from core.errors import CorruptPackage, VersionRefused
from core.home import Home
from core.registry import Champion
from service.recording.audit import audited
from service.worker import Worker

# The share of a request's timeout in which workers must load a version; the rest is for the response.
SHARE_OF_TIMEOUT = 0.8
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """`apply`: a function such as `core.promotion.promote` with all arguments but home, model, timeout and `on_change`;
    `reason`: for the record of it.
    """

    apply: Callable[..., Champion]
    action: Action
    reason: str


async def change_champion(worker: Worker, model: str, change: Change, actor: Actor) -> Champion:
    """Returns when every worker answers with the version; the change is recorded, and audited, as soon as it can be."""
    on_change = partial(_record_later, worker, actor, change, model)
    return await worker.run_for_operator(_applied, worker, change, model, on_change)


def _applied(worker: Worker, change: Change, model: str, on_change: promotion.OnChange) -> Champion:
    timeout_s = worker.config.service.timeout_s * SHARE_OF_TIMEOUT
    return change.apply(worker.home, model, timeout_s=timeout_s, on_change=on_change)


def _record_later(worker: Worker, *change: Any) -> None:
    """In another thread: a rollback must not wait for a locked ledger."""
    worker.promotion_executor.submit(_record, worker.home, *change)


def _record(
    home: Home, actor: Actor, change: Change, model: str, champion: Champion, before: Champion | None, is_undone: bool
) -> None:
    """Record the change if the ledger is reachable; the champion pointer alone decides what is served."""
    is_away = False
    try:
        promotion.record_change(home.ledger, model, change.reason, champion, before, is_undone)
    except Exception as error:  # no request waits for the result
        is_away = True
        logger.error("A change of champion is not recorded in the ledger: %s", error)
    facts = {"version": champion.version, "before": before.version if before else None}
    audited(home, actor, "undo_promotion" if is_undone else change.action, model, facts, is_away=is_away)


def put_in_service(home: Home, model: str, *, version: str, force: bool = False, **options: Any) -> Champion:
    """Promote as `retune promote` does."""
    home.registry.require_model(model)
    forced = promotion.needs_force(home, model, version, force=force)
    try:
        return promotion.promote(home, model, version, forced=forced, **options)
    except CorruptPackage as error:  # its status 503 would tell clients to retry
        champion = home.registry.readable_pointer(model)
        raise VersionRefused(model, version, str(error), champion.version if champion else None) from error
