"""What a webhook is told: a message in words and in facts, the same for every form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.events import Event
from core.ledger_tables.alerts import Alert, Delivery, Status
from core.share import percent

VERSION = 1
Facts = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """The generic form's JSON (docs/schemas/alert.schema.json).

    `format`: 1; a later one changes the meaning of a key, new keys do not. `id`: of the delivery, the same when it is
    tried again; `alert`: the same for "firing" and "resolved". `subject`: the version, job or promotion. `since`, `at`:
    when the condition began, and when this message was made.
    """

    format: int
    id: int
    alert: int
    event: Event
    status: Status
    model: str
    subject: str
    since: str
    at: str
    title: str
    text: str
    runbook: str
    facts: Facts = field(default_factory=dict)


def message_of(delivery: Delivery) -> Message:
    alert = delivery.alert
    return Message(
        format=VERSION,
        id=delivery.id,
        alert=alert.id,
        event=alert.event,
        status=delivery.status,
        model=alert.model,
        subject=alert.subject,
        since=alert.begun_at,
        at=delivery.created_at,
        title=f"{'Resolved: ' if delivery.status == 'resolved' else ''}{alert.model}: {TITLES[alert.event]}",
        text=_text(alert, delivery.status),
        runbook=f"docs/runbook.md#{alert.event.replace('_', '-')}",
        facts=alert.facts,
    )


TITLES: dict[Event, str] = {
    "drift": "inputs drifted",
    "accuracy_lost": "accuracy fell",
    "labels_asked": "labels are asked for",
    "retrain": "a retrain is advised",
    "roll_back": "a roll back is advised",
    "job_failed": "a job failed",
    "promoted": "a version was put in service",
    "refused": "the gate refused a version",
    "incident": "a new version broke its promise",
    "test": "a test of the webhook",
}


def _text(alert: Alert, status: Status) -> str:
    if status == "resolved":
        return f"It began at {alert.begun_at[:16]} UTC and no longer holds."
    return TEXTS[alert.event](alert.model, alert.subject, alert.facts)


def _drift(model: str, version: str, facts: Facts) -> str:
    features, estimate = ", ".join(facts["features"]), facts["estimated_accuracy"]
    guess = (
        f" Estimated accuracy: {percent(estimate['value'])} "
        f"({percent(estimate['low'])} to {percent(estimate['high'])})."
        if estimate
        else ""
    )
    where = f" in {features}" if features else ""
    found = f"{facts['rows']} texts of {model}@{version} differ from its reference{where} (p = {facts['p_value']:.2g})."
    return f"{found}{guess} See: retune decisions {model}"


def _accuracy_lost(model: str, version: str, facts: Facts) -> str:
    found, expected = facts["measured"], facts["expected"]
    if found is None or expected is None:
        return f"Labels show that the accuracy of {model}@{version} fell. See: retune decisions {model}"
    return (
        f"{percent(found['value'])} of {found['rows']} labelled texts of {model}@{version} are right "
        f"({percent(found['low'])} to {percent(found['high'])}), {percent(expected)} expected."
    )


def _labels_asked(model: str, _: str, facts: Facts) -> str:
    return f"{facts['labels']} labels are needed to decide. Get them with: retune labels export {model}"


def _retrain(model: str, version: str, _: Facts) -> str:
    return f"{model}@{version} should be trained again. Start it with: retune retrain {model}"


def _roll_back(model: str, version: str, _: Facts) -> str:
    return f"The version before {model}@{version} is better. Put it in service with: retune rollback {model}"


def _job_failed(_: str, job: str, facts: Facts) -> str:
    return f"Job {job} ({facts['kind']}) failed. See why with: retune jobs log {job}"


def _promoted(model: str, _: str, facts: Facts) -> str:
    before = f" after {model}@{facts['previous']}" if facts["previous"] else ""
    force = " It was promoted by force." if facts.get("forced") else ""
    return f"{model}@{facts['version']} is in service{before}.{force}{_compared(facts)}"


def _refused(model: str, _: str, facts: Facts) -> str:
    return f"The gate's answer to {model}@{facts['version']} is {facts.get('gate', 'no')}.{_compared(facts)}"


def _incident(model: str, _: str, facts: Facts) -> str:
    return f"{model}@{facts['version']}: {facts['reason']} {facts['done']} See: retune incidents {model}"


def _compared(facts: Facts) -> str:
    if not facts.get("rows"):
        return ""
    before, after = percent(facts["champion_accuracy"]), percent(facts["challenger_accuracy"])
    return f" On {facts['rows']} fresh rows {before} before, {after} with it."


TEXTS: dict[Event, Callable[[str, str, Facts], str]] = {
    "drift": _drift,
    "accuracy_lost": _accuracy_lost,
    "labels_asked": _labels_asked,
    "retrain": _retrain,
    "roll_back": _roll_back,
    "job_failed": _job_failed,
    "promoted": _promoted,
    "refused": _refused,
    "incident": _incident,
    "test": lambda *_: "It reached you: alerts will, too.",
}
