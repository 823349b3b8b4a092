"""`retune decisions`."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import chain

import click

from cli.context import Run, pass_run
from cli.job_sentences import detail
from cli.loop_lines import step_line
from core.ledger_tables.incidents import Incident, Incidents
from core.ledger_tables.loop_steps import LoopStep
from core.records import CheckRecord, DecisionRecord, JobRecord, PromotionRecord
from core.stored import as_stored

Event = DecisionRecord | CheckRecord | JobRecord | PromotionRecord | LoopStep | Incident
MANY = 10
"""Steps that are read for each that is listed: of the others there is nothing to tell."""


@click.command()
@click.argument("model")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@pass_run
def decisions(run: Run, model: str, limit: int) -> None:
    """List checks, decisions, what the loop did, jobs, promotions and incidents of a model, most recent first."""
    run.home.registry.require_known(model)
    steps = run.home.ledger.loop_steps.latest(model, limit=MANY * limit)
    events: dict[str, Sequence[Event]] = {
        "decisions": run.home.ledger.decisions(model, limit=limit),
        "checks": run.home.ledger.checks(model, limit=limit),
        "jobs": run.home.jobs.latest(model, limit=limit),
        "promotions": run.home.ledger.promotions(model, limit=limit),
        "steps": [step for step in steps if step.did != "nothing"][:limit],
        "incidents": Incidents(run.home.ledger.database).latest(model, limit=limit),
    }
    latest = heapq.nlargest(limit, chain(*events.values()), key=lambda event: event.created_at)
    run.emit(
        {
            "model": model,
            **{kind: [as_stored(event) for event in found if event in latest] for kind, found in events.items()},
        },
        *(_event_line(event) for event in latest),
    )


def _event_line(event: Event) -> str:
    kind, sentence = _described(event)
    return f"{event.created_at[:19]}  {kind:<9} {sentence}"


def _described(event: Event) -> tuple[str, str]:
    """Kind and description of the event."""
    if isinstance(event, CheckRecord):
        return "check", _check_sentence(event)
    if isinstance(event, DecisionRecord):
        return "decision", _decision_sentence(event)
    if isinstance(event, LoopStep):
        return "loop", step_line(event)
    if isinstance(event, JobRecord):
        told = detail(event) if event.status != "done" else ""  # the promotion or refusal tells it
        return "job", f"{event.id} {event.kind}: {event.status}{': ' if told else ''}{told}"
    if isinstance(event, Incident):
        return "incident", f"@{event.version} {event.reason} {event.done}"
    forced = " by force" if event.forced and "by force" not in event.reason else ""
    if event.is_roll_back:
        return "back", f"@{event.previous} to @{event.version}. {event.reason}"
    return "promoted" if event.promoted else "refused", f"@{event.version}{forced} {event.reason}"


def _check_sentence(check: CheckRecord) -> str:
    return f"{check.id} @{check.version} {check.source}, {check.verdict.outcome}: {check.verdict.sentence}"


def _decision_sentence(record: DecisionRecord) -> str:
    return f"{record.decision.sentence}: {record.decision.reason}"
