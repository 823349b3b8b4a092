"""What the loop decided, proposed and did, and what people told it."""

from __future__ import annotations

from typing import get_args

from core.clock import moment
from core.home import Home
from core.ledger_tables.loop_steps import LOOP, Did, LoopStep
from core.ledger_tables.proposals import Proposal
from core.records import CheckRecord, DecisionRecord
from core.share import percent
from service.pages.timeline.event import Event, Link, job_link, version_link

FREEZES: tuple[Did, ...] = ("frozen", "unfrozen")
STEPS: tuple[Did, ...] = tuple(did for did in get_args(Did) if did not in (*FREEZES, "nothing"))
QUIET = ("none", "watch")


def decisions(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    found = home.ledger.decisions(model, limit=limit, before=before)
    checks = home.ledger.checks_by_id({one.check_id for one in found if one.check_id is not None})
    return [_decision(one, checks.get(one.check_id or 0)) for one in found]


def proposals(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    return [_proposal(one) for one in home.ledger.proposals.latest(model, limit=limit, before=before)]


def steps(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    return [_step(one) for one in home.ledger.loop_steps.latest(model, limit=limit, before=before, which=STEPS)]


def freezes(home: Home, model: str, limit: int, before: int | None) -> list[Event]:
    return [_step(one) for one in home.ledger.loop_steps.latest(model, limit=limit, before=before, which=FREEZES)]


def _decision(one: DecisionRecord, check: CheckRecord | None) -> Event:
    links = [Link((one.model, "checks", str(check.id)), f"Check {check.id}")] if check else []
    return Event(
        one.id,
        one.created_at,
        one.sentence,
        one.action,
        one.reason,
        LOOP,
        [_figures(check)] if check else [],
        links,
        repeats=one.action in QUIET,
    )


def _figures(check: CheckRecord) -> str:
    found = check.verdict
    parts = [f"{found.outcome.replace('_', ' ')} on {found.rows:,} rows"]
    if found.p_value is not None:
        parts.append(f"p = {found.p_value:.3g}")
    if share := found.estimated_accuracy:
        parts.append(f"estimated accuracy {percent(share.value)} ({percent(share.low)} to {percent(share.high)})")
    return f"{', '.join(parts)}."


def _proposal(one: Proposal) -> Event:
    ended = {
        "open": "It waits for you.",
        "accepted": f"Accepted by {one.ended_by}, {moment(one.ended_at or '')}.",
        "declined": f"Declined by {one.ended_by}, {moment(one.ended_at or '')}.",
        "superseded": f"Superseded by a later decision, {moment(one.ended_at or '')}.",
    }[one.status]
    waiting = [f"Version {one.waiting} waits and needs no other training."] if one.waiting else []
    links = [job_link(one.job_id)] if one.job_id else []
    return Event(
        one.id,
        one.created_at,
        f"{one.action}: {one.status}",
        "asked" if one.status == "open" else "",
        one.reason,
        LOOP,
        [*waiting, ended],
        [version_link(one.model, one.version), *links],
    )


def _step(one: LoopStep) -> Event:
    rule = f" by {one.rule}" if one.rule else ""
    until = [f"Until {moment(one.until)}."] if one.until and one.did not in FREEZES else []
    seen = [f"Found again until {moment(one.seen_at)}."] if one.seen_at[:16] > one.created_at[:16] else []
    links = [job_link(one.job_id)] if one.job_id else []
    return Event(
        one.id,
        one.created_at,
        f"{one.did} {one.action}".strip() + rule,
        "failed" if one.did == "failed" else "",
        one.reason,
        one.by,
        [*until, *seen],
        [version_link(one.model, one.version), *links],
    )
