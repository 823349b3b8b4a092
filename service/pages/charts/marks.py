"""What happened to a model, as marks on the axis of its charts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

from core.drawing.events import Event, Kind
from core.drawing.times import day_and_time, seconds
from core.series.champions import is_rollback
from core.series.checks import CheckFigures
from service.pages.charts.facts import ChartFacts

ALARM = Kind("alarm", "drift", "diamond")
LABELS = Kind("labels given", "k5", "square", is_counted=True)
PROMOTED = Kind("promotion", "k3", "triangle")
ROLLED_BACK = Kind("roll back", "k2", "down")
REFUSED = Kind("refused by the gate", "k6", "cross")
INCIDENT = Kind("incident", "drift", "cross")


def version_marks(facts: ChartFacts) -> list[Event]:
    """Changes of the champion, and incidents."""
    return [*_changes(facts), *_incidents(facts)]


def all_marks(facts: ChartFacts) -> list[Event]:
    return [*version_marks(facts), *_refusals(facts), *_alarms(facts.checks), *_labels(facts)]


def _changes(facts: ChartFacts) -> Iterator[Event]:
    for row in facts.promotions:
        if row.promoted:
            kind = ROLLED_BACK if is_rollback(row) else PROMOTED
            yield _event(row.created_at, kind, f"v{row.version}", f"version {row.version} in service. {row.reason}")


def _refusals(facts: ChartFacts) -> Iterator[Event]:
    for row in facts.promotions:
        if not row.promoted:
            yield _event(row.created_at, REFUSED, f"v{row.version}", f"version {row.version} refused. {row.reason}")


def _incidents(facts: ChartFacts) -> Iterator[Event]:
    for row in facts.incidents:
        yield _event(row.created_at, INCIDENT, f"v{row.version}", f"incident: {row.reason}")


def _alarms(checks: list[CheckFigures]) -> Iterator[Event]:
    """The first alarm of each run of them."""
    conclusive = [check for check in checks if check.outcome != "insufficient_data"]
    first = [check for check in conclusive[:1] if check.outcome == "drift"]
    later = [
        check
        for before, check in pairwise(conclusive)
        if check.outcome == "drift" and (before.outcome != "drift" or before.version != check.version)
    ]
    for check in [*first, *later]:
        yield _event(check.created_at, ALARM, "", f"check {check.id} of version {check.version} raised an alarm")


def _labels(facts: ChartFacts) -> Iterator[Event]:
    """By hour, each at the time of its last label."""
    for _, given in groupby(sorted(one.given_at for one in facts.given), key=lambda at: at[:13]):
        times = list(given)
        title = f"{len(times)} label{'' if len(times) == 1 else 's'}"
        yield _event(times[-1], LABELS, "", title, count=len(times))


def _event(stored: str, kind: Kind, text: str, title: str, *, count: int = 1) -> Event:
    at = seconds(stored)
    return Event(at, kind, text, f"{day_and_time(at)} UTC: {title}", count)
