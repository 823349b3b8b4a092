"""Stored times and ids. Times are UTC; sorted as text, times and ids are in chronological order."""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from datetime import UTC, datetime, timedelta

# Random bytes are drawn in advance: each draw releases the GIL, and a request would wait to acquire it again.
DRAWN_AT_ONCE = 256
_halves: deque[str] = deque()
os.register_at_fork(after_in_child=_halves.clear)


def utc_now() -> str:
    """Current time as ISO 8601 in UTC with microseconds, e.g. `2026-01-31T09:30:00.000000+00:00`."""
    return stored_time(datetime.now(UTC))


def stored_time(time: datetime) -> str:
    """A time as `utc_now` has it; one without an offset is UTC. Raises `OverflowError` at the ends of the calendar.

    >>> [stored_time(datetime.fromisoformat(f"2026-12-24T18:00{offset}")) for offset in ("", "+01:00")]
    ['2026-12-24T18:00:00.000000+00:00', '2026-12-24T17:00:00.000000+00:00']
    """
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def moment(stored: str) -> str:
    """A stored time in words, to the minute; what is no time, such as in a file that a person wrote, as it is.

    >>> moment("2026-11-09T18:00:00.000000+00:00"), moment("soon")
    ('9 Nov 2026, 18:00 UTC', 'soon')
    """
    try:
        return f"{day(stored)}, {stored[11:16]} UTC"
    except ValueError:
        return stored


def day(stored: str) -> str:
    """
    >>> day("2026-01-31T09:30:00.000000+00:00")
    '31 Jan 2026'
    """
    found = datetime.fromisoformat(stored)
    return f"{found.day} {found:%b %Y}"


def days_ago(days: int) -> str:
    """The time of `utc_now` so many days ago; for 0 days a time before all others.

    >>> "2020" < days_ago(1) < utc_now(), days_ago(0)
    (True, '')
    """
    return stored_time(datetime.now(UTC) - timedelta(days=days)) if days else ""


def seconds_ago(seconds: float) -> str:
    """The time of `utc_now` so many seconds ago.

    >>> seconds_ago(3600) < seconds_ago(60) < utc_now()
    True
    """
    return stored_time(datetime.now(UTC) - timedelta(seconds=seconds))


def earliest_id(time_s: float) -> str:
    """A lower bound of every `sortable_id` made at or after the time, in seconds since 1970.

    >>> earliest_id(time.time() - 60) < sortable_id() < earliest_id(time.time() + 60)
    True
    """
    return f"{int(time_s * 1e9):016x}"


def created_at_s(sortable: str) -> float:
    """When a `sortable_id` was made, in seconds since 1970."""
    return int(sortable[:16], 16) / 1e9


def sortable_id() -> str:
    """A unique id of 32 hexadecimal digits. Ids sort by creation time, so inserts go to the end of an index."""
    try:
        half = _halves.pop()
    except IndexError:
        drawn = secrets.token_hex(8 * DRAWN_AT_ONCE)
        half, *rest = (drawn[start : start + 16] for start in range(0, len(drawn), 16))
        _halves.extend(rest)
    return f"{time.time_ns():016x}{half}"


def seconds_between(earlier: str, later: str) -> float:
    """
    >>> seconds_between("2026-01-31T09:30:00.000000+00:00", "2026-01-31T09:31:00.500000+00:00")
    60.5
    """
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
