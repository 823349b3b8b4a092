"""Times of a policy: quiet hours and weekdays, by UTC or by the clock of the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.clock import stored_time
from core.policy_config import DAY_S, ClockName, Day

DAYS: tuple[Day, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def later(time: str, seconds: float) -> str:
    """
    >>> later("2026-11-29T18:00:00.000000+00:00", 90)
    '2026-11-29T18:01:30.000000+00:00'
    """
    return stored_time(datetime.fromisoformat(time) + timedelta(seconds=seconds))


def weekday(now: str, clock: ClockName) -> Day:
    """
    >>> weekday("2026-11-29T18:00:00.000000+00:00", "UTC")
    'sunday'
    """
    return DAYS[_wall(now, clock).weekday()]


def date_of(time: str, clock: ClockName) -> str:
    return _wall(time, clock).date().isoformat()


def quiet_until(now: str, span: tuple[int, int], clock: ClockName) -> str | None:
    """End of the span of minutes since midnight that holds now; None outside of it.

    >>> quiet_until("2026-11-29T23:30:00.000000+00:00", (22 * 60, 6 * 60), "UTC")
    '2026-11-30T06:00:00.000000+00:00'
    >>> quiet_until("2026-11-29T06:00:00.000000+00:00", (22 * 60, 6 * 60), "UTC")
    """
    wall, (begin, end) = _wall(now, clock), span
    minute = 60 * wall.hour + wall.minute
    is_quiet = begin <= minute < end if begin < end else minute >= begin or minute < end
    if not is_quiet:
        return None
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight + timedelta(minutes=end, days=int(minute >= end))
    return stored_time(last if clock == "UTC" else last.astimezone())


def day_before(now: str) -> str:
    return later(now, -DAY_S)


def _wall(time: str, clock: ClockName) -> datetime:
    """What the clock on the wall shows, without its offset: summer time may begin before the next morning."""
    return datetime.fromisoformat(time).astimezone(UTC if clock == "UTC" else None).replace(tzinfo=None)
