"""Stored times are UTC and sort as text."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


def utc_now() -> str:
    """The present as ISO 8601 in UTC with microseconds, e.g. `2026-01-31T09:30:00.000000+00:00`."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def earliest_id(time_s: float) -> str:
    """What sorts before each `sortable_id` of that time, in seconds since 1970, or later.

    >>> earliest_id(time.time() - 60) < sortable_id() < earliest_id(time.time() + 60)
    True
    """
    return f"{int(time_s * 1e9):016x}"


def made_at_s(sortable: str) -> float:
    """When a `sortable_id` was made, in seconds since 1970."""
    return int(sortable[:16], 16) / 1e9


def sortable_id() -> str:
    """32 hexadecimal digits, unique, ordered by the time they were made (index pages stay warm)."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"
