"""What the ledger knows of a model: each fact is found by an index, whatever the ledger's size."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from core.clock import seconds_ago, utc_now
from core.home import Home
from core.ledger import Ledger
from core.ledger_tables.alerts import Alerts
from core.ledger_tables.incidents import Incidents
from core.ledger_tables.proposals import Proposals
from core.ledger_tables.traffic import Load, Traffic
from core.loop.standing import loop_standing
from core.overview.facts import (
    COUNTED,
    AccuracyFacts,
    AlertFacts,
    ChampionFacts,
    DecisionFacts,
    DriftFacts,
    LabelFacts,
    PromotionFacts,
    RequestFacts,
    TrafficFacts,
)
from core.overview.last_check import LastCheck, last_check
from core.records import CheckRecord, JobRecord

HOUR_S, DAY_S = 3600.0, 86400.0
INCIDENTS = 3
JOBS = 5
"""Jobs that are looked at: an unfinished one is among the last of its model."""


def ledger_facts(home: Home, model: str, versions: Sequence[str], champion: ChampionFacts | None) -> dict[str, Any]:
    """The facts of `ModelOverview` that the ledger has, by their fields; `versions`: all of the model.

    Raises `Unavailable`.
    """
    ledger, standing = home.ledger, loop_standing(home, model)
    proposal = Proposals(ledger.database).open(model)
    facts: dict[str, Any] = {
        "decision": _decision(ledger, model),
        "promotion": _promotion(ledger, model),
        "job": _job(home, model),
        "incidents": Incidents(ledger.database).latest(model, limit=INCIDENTS),
        "proposal": proposal if proposal is not None and champion and proposal.version == champion.version else None,
        "held": standing.held,
        "told": standing.told,
        "left": standing.left_version,
        "alerts": [AlertFacts(one.event, one.subject, one.begun_at) for one in Alerts(ledger.database).open(model)],
    }
    if champion is not None:
        last = last_check(ledger, model, champion.version, since=champion.since)
        check = last.shown if last is not None and last.shown.verdict.is_conclusive else None
        facts |= {
            "traffic": traffic_of(ledger, model, versions),
            "drift": _drift(last) if last is not None else None,
            "accuracy": _accuracy(ledger, model, champion, check),
            "labels": _labels(ledger, model, champion.version),
        }
    return facts


def traffic_of(ledger: Ledger, model: str, versions: Sequence[str]) -> TrafficFacts:
    """Predictions of these versions."""
    now = time.time()
    last_hour, last_day = (
        0 if (first := ledger.arrivals.at(now - span_s)) is None else _count(ledger, model, versions, first)
        for span_s in (HOUR_S, DAY_S)
    )
    last_at = ledger.arrivals.last_time(model, versions)
    return TrafficFacts(last_hour, last_day, last_at, requests_of(ledger, model))


def requests_of(ledger: Ledger, model: str) -> RequestFacts | None:
    """Requests to the model in the last hour, whatever version answered."""
    load = Load()
    for row in Traffic(ledger.database).minutes(model, since=seconds_ago(HOUR_S), until=utc_now()):
        load.add(row.load)
    if not load.requests:
        return None
    failed = min(load.requests, load.failed_requests + load.late_requests)
    return RequestFacts(load.requests, failed / load.requests, load.within_s(0.5), load.within_s(0.95))


def _count(ledger: Ledger, model: str, versions: Sequence[str], first: int) -> int:
    return ledger.arrivals.count(model, versions, first=first, most=COUNTED)


def _drift(last: LastCheck) -> DriftFacts:
    shown, verdict = last.shown, last.shown.verdict
    return DriftFacts(
        check=shown.id,
        at=shown.created_at,
        verdict=verdict.outcome,
        sentence=verdict.sentence,
        since=verdict.since,
        report=shown.report,
        later=last.later.verdict.sentence if last.later else None,
        is_earlier=last.is_earlier,
    )


def _accuracy(ledger: Ledger, model: str, champion: ChampionFacts, check: CheckRecord | None) -> AccuracyFacts:
    standing = ledger.standings.of(model)
    found = standing.accuracy if standing is not None and standing.version == champion.version else None
    expected = champion.expected_accuracy if found is None or found.expected is None else found.expected
    return AccuracyFacts(
        measured=found.measured if found else None,
        estimated=check.verdict.estimated_accuracy if check else None,
        expected=expected,
        is_lost=found is not None and found.is_lost,
        note=check.verdict.accuracy_note if check else None,
    )


def _labels(ledger: Ledger, model: str, version: str) -> LabelFacts:
    found = ledger.label_progress(model, version)
    doubtful = sum(item.rows for item in ledger.rules.doubtful(model))
    return LabelFacts(found.requested, found.given, found.cannot_tell, found.expired, found.still_open, doubtful)


def _decision(ledger: Ledger, model: str) -> DecisionFacts | None:
    record = next(iter(ledger.decisions(model, limit=1)), None)
    return DecisionFacts(record.action, record.sentence, record.reason, record.created_at) if record else None


def _promotion(ledger: Ledger, model: str) -> PromotionFacts | None:
    record = next(iter(ledger.promotions(model, limit=1)), None)
    return PromotionFacts(record.version, record.promoted, record.reason, record.created_at) if record else None


def _job(home: Home, model: str) -> JobRecord | None:
    jobs = home.jobs.latest(model, limit=JOBS)
    return next((job for job in jobs if job.is_unfinished), next(iter(jobs), None))
