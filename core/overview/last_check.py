"""What is known of the traffic of the version in service."""

from __future__ import annotations

from dataclasses import dataclass

from core.ledger import Ledger
from core.records import CheckRecord


@dataclass(frozen=True)
class LastCheck:
    """`shown`: the last conclusive check of the version, else the last one; `later`: an inconclusive one after it;
    `is_earlier`: whether `shown` was made before the version was put in service, the last time.
    """

    shown: CheckRecord
    later: CheckRecord | None
    is_earlier: bool


def last_check(ledger: Ledger, model: str, version: str, *, since: str) -> LastCheck | None:
    """`since`: time of the last promotion. None before the first check of the version."""
    latest = next((one for one in ledger.traffic_checks(model, limit=1) if one.version == version), None)
    shown = ledger.last_conclusive_check(model, version) or latest
    if shown is None:
        return None
    later = latest if latest is not None and latest.id > shown.id else None
    return LastCheck(shown, later, shown.created_at < since)
