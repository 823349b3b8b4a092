"""What people gave and changed: labels, and changes that no other table tells."""

from __future__ import annotations

from typing import get_args

from core.audit.entries import Action, Audit, AuditEntry
from core.audit.words import done_words, facts_in_words
from core.home import Home
from core.labelling.batches import LabelBatch, label_batches
from service.pages.timeline.event import Event, job_link

TOLD: tuple[Action, ...] = (
    "promote",
    "roll_back",
    "undo_promotion",
    "retrain",
    "accept",
    "decline",
    "resume",
    "freeze",
    "unfreeze",
    "give_labels",
)
"""Promotions, jobs, the loop's steps and labels tell these."""
CHANGES: tuple[Action, ...] = tuple(action for action in get_args(Action) if action not in TOLD)
SOURCES = 4


def labels(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    return [_batch(one) for one in label_batches(home.ledger.database, model, limit=limit, before=before)]


def changes(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    found = Audit(home.ledger.database).latest(model, actions=CHANGES, limit=limit, before=before)
    return [_change(one) for one in found]


def _batch(one: LabelBatch) -> Event:
    named = [f"{source} ({count})" for source, count in list(one.sources.items())[:SOURCES]]
    more = [f"{len(one.sources) - SOURCES} more"] if len(one.sources) > SOURCES else []
    title = f"{one.labels} label{'' if one.labels == 1 else 's'} given within the hour"
    return Event(one.first, one.at, title, who=", ".join([*named, *more]))


def _change(one: AuditEntry) -> Event:
    job = one.facts.get("job")
    return Event(
        one.id,
        one.created_at,
        done_words(one.action),
        why=facts_in_words(one.facts),
        who=f"{one.who} ({one.via})",
        links=[job_link(job)] if isinstance(job, int) else [],
    )
