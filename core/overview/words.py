"""How a model stands, in words, for commands and pages."""

from __future__ import annotations

from core.clock import moment, seconds_between, utc_now
from core.duration import in_words
from core.home_processes.supervision import Supervision
from core.overview.facts import COUNTED, AccuracyFacts, AlertFacts, DriftFacts, Processes, RequestFacts, TrafficFacts
from core.share import Share, percent

VERDICTS = {"ok": "no drift", "drift": "drifted", "insufficient_data": "not enough rows yet"}


def traffic_words(traffic: TrafficFacts) -> str:
    if traffic.last_at is None:
        return "no prediction yet"
    counts = ((traffic.last_hour, "hour"), (traffic.last_day, "day"))
    count, span = next(((count, span) for count, span in counts if count), (0, "day"))
    shown = f"{count:,}" if count < COUNTED else f"{COUNTED:,} or more"
    return f"{shown} prediction{'' if count == 1 else 's'} in the last {span}, the last one {ago(traffic.last_at)}"


def request_words(found: RequestFacts) -> str:
    """
    >>> request_words(RequestFacts(200, 0.01, 0.005, 0.25))
    '1.0 % of 200 requests failed in the last hour, half answered within 5 ms, 95 % within 250 ms'
    """
    noun = "request" if found.requests == 1 else "requests"
    failed = f"{percent(found.failed_share)} of {found.requests:,} {noun} failed in the last hour"
    within = [
        f"{words} within {1000 * bound_s:g} ms"
        for words, bound_s in (("half answered", found.median_s), ("95 %", found.p95_s))
        if bound_s is not None
    ]
    return ", ".join([failed, *within])


def process_words(found: Processes) -> str:
    servers = sum(server.workers for server in found.gateway)
    parts = [f"gateway ({servers} worker{'' if servers == 1 else 's'})"] if found.gateway else []
    parts += [role for role, these in (("monitor", found.monitor), ("worker", found.worker)) if these]
    running = f"{', '.join(parts)} run" if parts else "none of this home runs"
    return running + (f"; missing: {', '.join(found.missing)}" if found.missing else "")


def up_words(found: Supervision) -> str:
    """Who runs `retune up`, and the processes that it had to start again."""
    again = [
        f"{one.name} {one.restarts} time{'' if one.restarts == 1 else 's'}"
        + (f" (it {one.ended}, {ago(one.ended_at)})" if one.ended and one.ended_at else "")
        for one in found.processes
        if one.ended
    ]
    started = f"; started again: {'; '.join(again)}" if again else ""
    return f"process {found.pid} on {found.host} since {moment(found.since)}{started}"


def alert_words(alert: AlertFacts) -> str:
    return f"{alert.event.replace('_', ' ')} since {moment(alert.since)}"


def verdict_words(drift: DriftFacts | None) -> str:
    return VERDICTS[drift.verdict] if drift is not None else "no check yet"


def checked_words(drift: DriftFacts) -> str:
    """When the check was made, and whether it tells of now."""
    return f"checked {ago(drift.at)}{earlier_words(drift)}"


def earlier_words(drift: DriftFacts) -> str:
    """
    >>> earlier_words(DriftFacts(3, "", "ok", "", is_earlier=True))
    ', before the version was put in service again; no check since'
    """
    if not drift.is_earlier:
        return ""
    return f", before the version was put in service again; no {'conclusive ' if drift.later else ''}check since"


def accuracy_words(accuracy: AccuracyFacts) -> str:
    expected = f"; {percent(accuracy.expected)} expected" if accuracy.expected is not None else ""
    if accuracy.measured is not None:
        lost = ", a loss" if accuracy.is_lost else ""
        rows = f", {accuracy.measured.rows} labelled texts"
        return f"measured {_share(accuracy.measured, 95)}{rows}{expected}{lost}"
    if accuracy.estimated is not None:
        return f"estimated without labels {_share(accuracy.estimated, 90)}{expected}"
    return f"not known{expected}{f'. {accuracy.note}' if accuracy.note else ''}"


def _share(share: Share, level: int) -> str:
    return f"{percent(share.value)} ({level} % interval {percent(share.low)} to {percent(share.high)})"


def ago(stored: str) -> str:
    return f"{in_words(max(0.0, seconds_between(stored, utc_now())))} ago"
