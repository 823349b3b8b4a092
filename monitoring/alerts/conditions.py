"""What someone should be told of a model, read from its records in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.clock import days_ago
from core.events import Event
from core.home import Home
from core.ledger_tables.alerts import Condition
from core.ledger_tables.incidents import Incidents
from core.records import Action, PromotionRecord
from core.stored import as_stored

RECENT = 20
"""Promotions that are looked at; those of more than a day ago are no news."""
OF_ACTION: dict[Action, Event] = {"label": "labels_asked", "retrain": "retrain", "roll back": "roll_back"}


def conditions_of(home: Home, model: str, version: str) -> list[Condition]:
    """The conditions of a model whose champion is `version`. Facts hold no text of a client."""
    return [
        *_drift(home, model, version),
        *_accuracy(home, model, version),
        *_decision(home, model, version),
        *_job(home, model),
        *_promotions(home, model),
        *_incidents(home, model),
    ]


def _drift(home: Home, model: str, version: str) -> Iterator[Condition]:
    check = home.ledger.last_conclusive_check(model, version)
    if check is not None and check.verdict.outcome == "drift":
        verdict = check.verdict
        facts: dict[str, Any] = {
            "check": check.id,
            "p_value": verdict.p_value,
            "rows": verdict.rows,
            "features": [item.feature for item in verdict.evidence if item.drifted],
            "estimated_accuracy": as_stored(verdict.estimated_accuracy),
        }
        yield Condition("drift", version, facts)


def _accuracy(home: Home, model: str, version: str) -> Iterator[Condition]:
    standing = home.ledger.standings.of(model)
    if standing is not None and standing.version == version and standing.accuracy.is_lost:
        yield Condition("accuracy_lost", version, as_stored(standing.accuracy))


def _decision(home: Home, model: str, version: str) -> Iterator[Condition]:
    for record in home.ledger.decisions(model, limit=1):
        event = OF_ACTION.get(record.action)
        if event is not None:
            progress = home.ledger.label_progress(model, version)
            facts = {"decision": record.id, "labels": record.decision.count, "open": progress.still_open}
            yield Condition(event, version, facts)


def _job(home: Home, model: str) -> Iterator[Condition]:
    """The last job, if it failed."""
    for job in home.jobs.latest(model, limit=1):
        if job.status == "failed":
            yield Condition("job_failed", str(job.id), {"job": job.id, "kind": job.kind})


def _promotions(home: Home, model: str) -> Iterator[Condition]:
    for record in reversed(home.ledger.promotions(model, limit=RECENT)):
        if record.created_at > days_ago(1):
            event: Event = "promoted" if record.promoted else "refused"
            yield Condition(event, str(record.id), _facts(record), is_moment=True)


def _incidents(home: Home, model: str) -> Iterator[Condition]:
    """Those that ended: what was done is known."""
    for one in reversed(Incidents(home.ledger.database).latest(model, limit=RECENT)):
        if one.ended_at is not None and one.created_at > days_ago(1):
            facts = {"version": one.version, "previous": one.previous, "cause": one.cause, "action": one.action}
            yield Condition("incident", str(one.id), {**facts, "reason": one.reason, "done": one.done}, is_moment=True)


def _facts(record: PromotionRecord) -> dict[str, Any]:
    facts: dict[str, Any] = {"version": record.version, "previous": record.previous, "forced": record.forced}
    if record.gate is not None:
        fresh = record.gate.verdict.fresh
        facts |= {"gate": record.gate.verdict.answer, "job": record.gate.job, "rows": fresh.rows}
        facts |= {"champion_accuracy": fresh.champion_accuracy, "challenger_accuracy": fresh.challenger_accuracy}
    return facts
