"""The axis of time: UTC, with ticks at whole minutes, hours, days, weeks or months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from core.drawing.axes import Axis, Tick

MOST_TICKS = 5
"""So many labels fit side by side on a telephone."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS = (
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12)),
    *(count * DAY for count in (1, 2, 7, 14)),
)
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
MONDAY = datetime(2001, 1, 1, tzinfo=UTC)


def seconds(stored: str) -> float:
    """A stored time in seconds since 1970.

    >>> seconds("1970-01-01T00:01:00.000000+00:00")
    60.0
    """
    return datetime.fromisoformat(stored).timestamp()


def time_axis(start_s: float, end_s: float) -> Axis:
    """Between two times in seconds since 1970; the first tick names the day or the year, later ones if it changes.

    >>> axis = time_axis(seconds("2026-11-27T20:00:00+00:00"), seconds("2026-11-29T18:00:00+00:00"))
    >>> [f"{tick.text} {tick.below}".strip() for tick in axis.ticks]
    ['00:00 28 Nov', '12:00', '00:00 29 Nov', '12:00']
    """
    start, end = (datetime.fromtimestamp(one, UTC) for one in (start_s, max(end_s, start_s + 60)))
    moments = next(
        (found for found in _choices(start, end) if len(found) <= MOST_TICKS), [datetime(start.year, 1, 1, tzinfo=UTC)]
    )
    return Axis(start.timestamp(), end.timestamp(), tuple(_ticks(moments)))


def day_and_time(time_s: float) -> str:
    """
    >>> day_and_time(0)
    '1 Jan 1970, 00:00'
    """
    moment = datetime.fromtimestamp(time_s, UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def _choices(start: datetime, end: datetime) -> Iterator[list[datetime]]:
    """The whole moments between the ends, by steps that grow."""
    for step in STEPS:
        if (end - start) / step <= MOST_TICKS + 1:
            first = MONDAY + -((MONDAY - start) // step) * step
            first = first if first >= start else first + step
            yield [first + count * step for count in range((end - first) // step + 1)] if first <= end else []
    for months in MONTHS:
        yield list(_months(start, end, months))


def _months(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    place = -(-(start.year * 12 + start.month - 1) // step) * step
    while (moment := datetime(place // 12, place % 12 + 1, 1, tzinfo=UTC)) <= end:
        if moment >= start:
            yield moment
        place += step


def _ticks(moments: list[datetime]) -> Iterator[Tick]:
    within_days = any(moment.hour or moment.minute for moment in moments)
    before = ""
    for moment in moments:
        day, year = f"{moment.day} {moment:%b}", f"{moment:%Y}"
        text, larger = (f"{moment:%H:%M}", day) if within_days else (day, year)
        yield Tick(moment.timestamp(), text, larger if larger != before else "")
        before = larger
