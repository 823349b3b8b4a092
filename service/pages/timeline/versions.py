"""What became of versions: promotions and refusals, guards, incidents, jobs."""

from __future__ import annotations

from core.audit.entries import Action, Audit, AuditEntry
from core.change_words import change_words
from core.clock import moment, seconds_between
from core.duration import in_words
from core.home import Home
from core.ledger_tables.guards import Guard, Guards
from core.ledger_tables.incidents import Incident, Incidents
from core.records import Comparison, JobRecord, PromotionRecord
from core.share import percent
from service.pages.timeline.event import Event, job_link, version_link

GATE, LOOP = "the gate", "loop"
IN_SERVICE: tuple[Action, ...] = ("promote", "roll_back", "undo_promotion")
NEAR_S = 60.0
"""A promotion is in the audit at once, or when the workers answer with it."""


def promotions(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    found = home.ledger.promotions(model, limit=limit, before=before)
    since = found[-1].created_at if found else ""
    by_hand = Audit(home.ledger.database).latest(model, since=since, actions=IN_SERVICE, limit=4 * limit)
    return [_promotion(one, by_hand) for one in found]


def guards(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    return [_guard(one) for one in Guards(home.ledger.database).latest(model, limit=limit, before=before)]


def incidents(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    return [_incident(one) for one in Incidents(home.ledger.database).latest(model, limit=limit, before=before)]


def jobs(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    found = home.jobs.latest(model, limit=limit, before=before)
    since = found[-1].created_at if found else ""
    asked = Audit(home.ledger.database).latest(model, since=since, actions=("retrain", "accept"), limit=4 * limit)
    return [_job(one, {entry.facts.get("job"): entry.who for entry in asked}) for one in found]


def _promotion(one: PromotionRecord, by_hand: list[AuditEntry]) -> Event:
    is_back = one.is_roll_back
    forced = ["By force: the gate had refused it, or a guard had rolled it back."] if one.forced else []
    before = [f"Before it: version {one.previous}."] if one.previous and not is_back else []
    gate = one.gate.verdict if one.gate else None
    compared = (
        [
            f"{rows} rows: {_compared(comparison)}"
            for rows, comparison in (("Fresh", gate.fresh), ("Old", gate.old))
            if comparison.rows
        ]
        if gate
        else []
    )
    needed = [f"{gate.labels_needed} more labels would settle it."] if gate and gate.labels_needed else []
    links = [version_link(one.model, one.version), *([job_link(one.gate.job)] if one.gate else [])]
    who = GATE if one.gate else _who(one, by_hand)
    return Event(
        one.id,
        one.created_at,
        change_words(one.version, one.previous, promoted=one.promoted, reason=one.reason),
        "drift" if is_back else "promoted" if one.promoted else "refused",
        one.reason,
        who,
        [*forced, *before, *compared, *needed],
        links,
    )


def _who(one: PromotionRecord, by_hand: list[AuditEntry]) -> str:
    near = [
        (abs(seconds_between(one.created_at, entry.created_at)), entry.who)
        for entry in by_hand
        if entry.facts.get("version") == one.version
    ]
    seconds, who = min(near, default=(NEAR_S, ""))
    return who if seconds < NEAR_S else ""


def _compared(found: Comparison) -> str:
    """
    >>> _compared(Comparison(50, 0.8, 0.9, 7, 2, 0.004))
    '80.0 % → 90.0 % of 50, 7 won and 2 lost, p = 0.004.'
    """
    before, after = percent(found.champion_accuracy), percent(found.challenger_accuracy)
    return f"{before} → {after} of {found.rows:,}, {found.wins} won and {found.losses} lost, p = {found.p_value:.3g}."


def _guard(one: Guard) -> Event:
    promise = one.promise.accuracy
    by = f", {one.promise.by}" if one.promise.by else ""
    promised = (
        [f"Expected: accuracy {percent(promise.value)} ({percent(promise.low)} to {percent(promise.high)}){by}."]
        if promise
        else ["No accuracy is expected."]
    )
    watched = f"Watched for {in_words(one.watched_s)}, {one.labels} labelled texts."
    found = [f"{finding.cause.capitalize()}: {finding.sentence}" for finding in one.seen]
    ended = f"Ended {moment(one.ended_at)}." if one.ended_at else "It is open."
    return Event(
        one.id,
        one.created_at,
        f"guard of version {one.version}: {one.ended or 'open'}",
        {"passed": "ok", "rolled back": "drift", "told": "drift"}.get(one.outcome or "", ""),
        one.reason or "",
        LOOP,
        [*promised, watched, *found, ended],
        [version_link(one.model, version) for version in (one.version, one.previous) if version],
    )


def _incident(one: Incident) -> Event:
    done = one.done or f"Version {one.previous} is being put in service again."
    ended = f"Ended {moment(one.ended_at)}." if one.ended_at else "It has not ended."
    return Event(
        one.id,
        one.created_at,
        f"{one.cause} of version {one.version}: {one.action}",
        "drift",
        one.reason,
        LOOP,
        [done, ended],
        [version_link(one.model, version) for version in (one.version, one.previous) if version],
    )


def _job(one: JobRecord, asked: dict[object, str]) -> Event:
    result = one.retrained
    outcome = f"Version {result.version} {'promoted' if result.promoted else 'not promoted'}." if result else ""
    ended = f"Ended {moment(one.finished_at)}." if one.finished_at else ""
    cost = f"{in_words(one.cpu_s)} of CPU time." if one.cpu_s else ""
    return Event(
        one.id,
        one.created_at,
        f"{one.kind}: {one.status}",
        one.status,
        one.error or one.reason or "",
        LOOP if one.reason is not None else asked.get(one.id, ""),
        [note for note in (outcome, ended, cost) if note],
        [job_link(one.id), *([version_link(one.model, result.version)] if result and result.version else [])],
    )
