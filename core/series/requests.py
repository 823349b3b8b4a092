"""Requests, latency and failures of a model over time, from the table of traffic."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from core.database import Database
from core.ledger_tables.traffic import SUMMED, Load
from core.schema import traffic
from core.series.span import Span

TIMED = (
    (12 * 3600, ("37",)),
    (6 * 3600, ("17", "47")),
    (3600, ("07", "22", "37", "52")),
    (600, tuple(f"{minute:02d}" for minute in range(3, 60, 5))),
)
"""The minutes of an hour whose times of requests are read, from a width of the buckets on, if there are more than
`ALL_TIMED`: summing those of all minutes would take longer than the page may.
"""
ALL_TIMED, MOST_TIMED = 2_000, 6_000
UNITS = ((86400, 10, "T00:00"), (3600, 13, ":00"), (600, 15, "0"), (60, 16, ""))
"""A width in seconds, the characters of a stored minute that name such a part of time, and what completes them."""


@dataclass(frozen=True)
class Bucket:
    """All counts of the load are of all requests; its times may be those of some of the minutes."""

    start_s: float
    end_s: float
    load: Load = field(default_factory=Load)


def request_buckets(database: Database, model: str, span: Span) -> list[Bucket]:
    """Buckets with at least one request, oldest first."""
    width = span.bucket_s
    buckets: dict[int, Load] = {}
    with database.read() as connection:
        for minute, load in [*_counts(connection, model, span, width), *_times(connection, model, span, width)]:
            place = int(_seconds(minute) // width)
            buckets.setdefault(place, Load()).add(load)
    return [
        Bucket(place * width, (place + 1) * width, load) for place, load in sorted(buckets.items()) if load.requests
    ]


def _counts(connection: Connection, model: str, span: Span, width: int) -> list[tuple[str, Load]]:
    _, characters, rest = next(unit for unit in UNITS if width % unit[0] == 0)
    start = func.substr(traffic.c.minute, 1, characters).label("start")
    sums = [func.sum(traffic.c[name]).label(name) for name in SUMMED]
    rows = connection.execute(select(start, *sums).where(*_within(model, span)).group_by(start))
    return [(row["start"] + rest, _load(row)) for row in rows.mappings()]


def _times(connection: Connection, model: str, span: Span, width: int) -> list[tuple[str, Load]]:
    query = select(traffic.c.minute, traffic.c.seconds).where(*_within(model, span))
    chosen = next((minutes for least, minutes in TIMED if width >= least), None)
    if chosen and _has_more(connection, model, span):
        query = query.where(func.substr(traffic.c.minute, 15, 2).in_(chosen))
    rows = connection.execute(query.order_by(traffic.c.minute.desc()).limit(MOST_TIMED)).all()
    return [(row.minute, Load(seconds=row.seconds)) for row in rows]


def _has_more(connection: Connection, model: str, span: Span) -> bool:
    minutes = select(traffic.c.minute).where(*_within(model, span)).limit(1).offset(ALL_TIMED)
    return connection.scalar(minutes) is not None


def _load(row: RowMapping) -> Load:
    load = Load()
    for name in SUMMED:
        setattr(load, name, int(row[name]))
    return load


def _within(model: str, span: Span) -> tuple[Any, ...]:
    return traffic.c.model == model, traffic.c.minute >= span.since[:16], traffic.c.minute <= span.until[:16]


def _seconds(minute: str) -> float:
    return datetime.fromisoformat(minute).replace(tzinfo=UTC).timestamp()
