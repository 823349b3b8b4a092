"""Puts the version before in service again, and notes it so that a killed process leaves nothing half done."""

from __future__ import annotations

import logging
from functools import partial

from core import promotion
from core.audit import entries as audit
from core.errors import (
    ChampionChanged,
    CorruptPackage,
    PromotionSuperseded,
    PromotionTimeout,
    RetuneError,
    Unavailable,
)
from core.home import Home
from core.isolated import isolated, sentence_of
from core.ledger_tables.guards import Guard, Guards
from core.ledger_tables.incidents import Incident, Incidents
from core.registry import Champion

LOG = logging.getLogger(__name__)


def put_back(home: Home, guard: Guard, pointer: Champion, incident: Incident) -> Guard:
    """Roll back, only from the guarded champion, and end the guard.

    What forbids it, such as a freeze or a damaged package, is told with the incident. Raises what a later look may find
    mended: an unreachable registry or ledger.
    """
    record = partial(_record, home, guard.model, incident)
    try:
        promotion.roll_back(home, guard.model, expected=pointer, on_change=record)
    except PromotionTimeout as problem:  # the version is in service as far as the pointer says
        LOG.warning("%s", problem)
    except (ChampionChanged, PromotionSuperseded):
        pass
    except CorruptPackage as error:
        return _told(home, guard, incident, error)
    except Unavailable:
        raise
    except RetuneError as error:
        return _told(home, guard, incident, error)
    return finish(home, guard, home.registry.champion(guard.model))


def finish(home: Home, guard: Guard, pointer: Champion) -> Guard:
    """End the guard of a version that is no longer the champion: by its own roll back, or by someone else."""
    guards, incidents = Guards(home.ledger.database), Incidents(home.ledger.database)
    incident = incidents.begun(guard.id)
    if incident is not None and _is_put_back(guard, pointer):
        if _is_unrecorded(home, guard, pointer):
            _record(home, guard.model, incident, pointer, Champion(guard.version), False)
        done = f"{guard.model}@{pointer.version} is in service again."
        incidents.settle(incident, "rolled back", done)
        return guards.end(guard, "rolled back", f"{incident.reason} {done}")
    now = f"{guard.model}@{pointer.version} was put in service."
    if incident is not None:
        incidents.settle(incident, "told", f"Nothing was changed: {now}")
    return guards.end(guard, "overtaken", now)


def _is_unrecorded(home: Home, guard: Guard, pointer: Champion) -> bool:
    last = next(iter(row for row in home.ledger.promotions(guard.model, limit=20) if row.promoted), None)
    return last is None or (last.version, last.previous) != (pointer.version, guard.version)


def _is_put_back(guard: Guard, pointer: Champion) -> bool:
    return (pointer.version, pointer.rolled_back_from) == (guard.previous, guard.version)


def _told(home: Home, guard: Guard, incident: Incident, error: RetuneError) -> Guard:
    done = f"Not rolled back: {error}"
    Incidents(home.ledger.database).settle(incident, "told", done)
    return Guards(home.ledger.database).end(guard, "told", f"{incident.reason} {done}")


def _record(
    home: Home, model: str, incident: Incident, champion: Champion, before: Champion | None, is_undone: bool
) -> None:
    """Without the ledger the roll back goes on; `finish` records it later."""
    with isolated(lambda error: LOG.warning("%s: the roll back is not recorded yet: %s", model, sentence_of(error))):
        reason = f"Rolled back by the guard: {incident.reason}"
        promotion.record_change(home.ledger, model, reason, champion, before, is_undone)
        facts = {"version": champion.version, "before": before.version if before else None, "incident": incident.id}
        audit.record(home, audit.LOOP, "undo_promotion" if is_undone else "roll_back", model, facts)
