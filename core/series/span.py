"""The range of time that the charts of a model share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from core.clock import stored_time

LEAST_S, SHORTEST_S, LONGEST_S, WITHOUT_CHECKS_S = 600.0, 3600.0, 90 * 86400.0, 86400.0
MOST_BUCKETS = 200
WIDTHS_S = (60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400)


@dataclass(frozen=True)
class Span:
    """Seconds since 1970."""

    start_s: float
    end_s: float

    @property
    def since(self) -> str:
        return stored(self.start_s)

    @property
    def until(self) -> str:
        return stored(self.end_s)

    @property
    def bucket_s(self) -> int:
        """Width of equal parts, at most `MOST_BUCKETS` of them.

        >>> Span(0, 86400).bucket_s, Span(0, 30 * 86400).bucket_s
        (600, 21600)
        """
        return next((width for width in WIDTHS_S if (self.end_s - self.start_s) / width < MOST_BUCKETS), WIDTHS_S[-1])

    def parts(self, count: int) -> list[float]:
        """The starts of so many equal parts."""
        return [self.start_s + (self.end_s - self.start_s) * part / count for part in range(count)]

    def has(self, time_s: float) -> bool:
        return self.start_s <= time_s <= self.end_s


def span_until(now_s: float | None, oldest: str | None, *, first: str | None = None) -> Span:
    """Up to now, None for the clock's: since a stored time, but an hour at least and `LONGEST_S` at most.

    `first`: when the first version came in service, None if it is not known; of a young model nothing is older, so its
    span may be as short as `LEAST_S`.
    """
    end = time.time() if now_s is None else now_s
    wanted = WITHOUT_CHECKS_S if oldest is None else end - datetime.fromisoformat(oldest).timestamp()
    length = min(max(1.02 * wanted, SHORTEST_S), LONGEST_S)
    if first is not None:
        length = min(length, max(1.02 * (end - datetime.fromisoformat(first).timestamp()), LEAST_S))
    return Span(end - length, end)


def stored(time_s: float) -> str:
    """The stored time of seconds since 1970."""
    return stored_time(datetime.fromtimestamp(time_s, UTC))
