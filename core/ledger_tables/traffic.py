"""The ledger's table of traffic: what each version answered in each minute, how long it took, and what failed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from core.database import Database
from core.schema import traffic

BOUNDS_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the places of `seconds`; one more place is for longer ones."""
KEPT_ROWS = 43_200
"""Of each model: 30 days if one version answers in every minute. Counted, because a clock may jump."""
SUMMED = ("requests", "failed_requests", "late_requests", "answered", "abstained", "failed")


@dataclass
class Load:
    """Sums over requests. `failed_requests`: with a text that the engine could not answer; `late_requests`: ended or
    refused for lack of time; `answered`, `abstained`, `failed`: texts; `seconds`: answered requests by `BOUNDS_S`.
    """

    requests: int = 0
    failed_requests: int = 0
    late_requests: int = 0
    answered: int = 0
    abstained: int = 0
    failed: int = 0
    seconds: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))

    def add(self, other: Load) -> None:
        """
        >>> load = Load(requests=1)
        >>> load.add(Load(requests=2, failed=1))
        >>> load.requests, load.failed
        (3, 1)
        """
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds = [mine + more for mine, more in zip(self.seconds, other.seconds, strict=True)]

    def time(self, seconds: float) -> None:
        self.seconds[bisect_left(BOUNDS_S, seconds)] += 1

    @property
    def failed_share(self) -> float:
        return self.failed_requests / self.requests if self.requests else 0.0

    def slower_than(self, place: int) -> int:
        """Answered requests beyond a place of `seconds`."""
        return sum(self.seconds[place + 1 :])

    def place_of(self, share: float) -> int:
        """The place within which this share of the answered requests was."""
        wanted, seen = share * sum(self.seconds), 0
        for place, count in enumerate(self.seconds):
            seen += count
            if seen >= wanted:
                return place
        return len(self.seconds) - 1

    def within_s(self, share: float) -> float | None:
        """The bound within which this share of the answered requests was; None without one, or beyond the last bound.

        >>> Load(seconds=[9, 0, 1] + [0] * 11).within_s(0.5), Load(seconds=[0] * 13 + [1]).within_s(0.5)
        (0.0025, None)
        """
        place = self.place_of(share)
        return BOUNDS_S[place] if any(self.seconds) and place < len(BOUNDS_S) else None


@dataclass(frozen=True)
class TrafficMinute:
    """`minute`: UTC, e.g. `2026-01-31T09:30`."""

    model: str
    version: str
    minute: str
    load: Load


class Traffic:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Iterable[TrafficMinute]) -> None:
        """Add to what other workers counted in the same minutes, and forget minutes beyond `KEPT_ROWS`."""
        with self._database.write() as connection:
            models = set()
            for row in rows:
                _add(connection, row)
                models.add(row.model)
            for model in models:
                _forget_old(connection, model)

    def minutes(
        self, model: str, *, version: str | None = None, since: str = "", until: str = "9", limit: int = 1440
    ) -> list[TrafficMinute]:
        """The latest minutes, oldest first; `since`, `until`: times in the first and the last one."""
        minute = traffic.c.minute
        query = select(traffic).where(traffic.c.model == model, minute >= since[:16], minute <= until[:16])
        query = query if version is None else query.where(traffic.c.version == version)
        query = query.order_by(minute.desc(), traffic.c.version).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [_minute(row) for row in reversed(rows)]

    def load(self, model: str, version: str, *, since: str = "", until: str = "9") -> Load:
        """The sum of the latest minutes of a version, a day's at most."""
        found = Load()
        for row in self.minutes(model, version=version, since=since, until=until):
            found.add(row.load)
        return found


def _add(connection: Connection, row: TrafficMinute) -> None:
    key = (traffic.c.model == row.model, traffic.c.minute == row.minute, traffic.c.version == row.version)
    stored = connection.execute(select(traffic).where(*key)).mappings().first()
    if stored is None:
        names = {"model": row.model, "minute": row.minute, "version": row.version}
        connection.execute(insert(traffic).values(**names, **vars(row.load)))
        return
    sums = _minute(stored).load
    sums.add(row.load)
    connection.execute(update(traffic).where(*key).values(**vars(sums)))


def _forget_old(connection: Connection, model: str) -> None:
    minutes = select(traffic.c.minute).where(traffic.c.model == model).order_by(traffic.c.minute.desc())
    oldest = connection.scalar(minutes.offset(KEPT_ROWS).limit(1))
    if oldest is not None:
        connection.execute(delete(traffic).where(traffic.c.model == model, traffic.c.minute <= oldest))


def _minute(row: RowMapping) -> TrafficMinute:
    values = dict(row)
    names = {name: values.pop(name) for name in ("model", "version", "minute")}
    return TrafficMinute(**names, load=Load(**values))
