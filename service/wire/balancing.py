"""Distributes the connections in use evenly among the workers.

Clients hold more connections than they need and reuse the one used last. So one worker may get most requests of a few
clients. Its responses come last, so its connections are reused again. A busy worker with many more connections in use
than another one therefore closes some after their response, and the clients connect again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from typing import Any

from service.wire.connection_counts import ABSENT, ConnectionCounts

# Interval between counts of the connections in use. A connection without a request for this time is not in use.
COUNT_S = 0.5
# After each count, a busy worker with over UNEVEN times the lowest count closes this share (CLOSED) of the difference.
UNEVEN, CLOSED = 2, 1 / 4
# A worker that computes for this share of its time is busy.
BUSY = 0.5


class Balancer:
    """Counts the connections in use, publishes the count to the other workers, and decides which ones to close."""

    def __init__(self, counts: ConnectionCounts, opened: Collection[object], worked_s: Callable[[], float]) -> None:
        """`opened`: all open connections. `worked_s` returns the total time of this worker's engine calls."""
        self.counts = counts
        self._opened = opened
        self._worked_s = worked_s
        self._worked_before_s = 0.0
        self._is_accepting = False
        self._used: set[Any] = set()
        self._in_use = self._new = self._connecting = self._to_close = 0
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(COUNT_S, self._count_again)

    @property
    def count(self) -> int:
        """Connections in use at the last count plus the new ones since then, at most the number of open connections."""
        return min(len(self._opened) + self._connecting, self._in_use + self._new)

    def set_accepting(self, is_accepting: bool) -> None:
        self._is_accepting = is_accepting
        self._show()

    def accepted(self) -> None:
        """The handshake of a new connection begins."""
        self._new += 1
        self._connecting += 1
        self._show()

    def connected(self) -> None:
        """The handshake has succeeded or failed."""
        self._connecting -= 1
        self._show()

    def use(self, connection: Any) -> None:
        """The connection is opened, or a request on it begins."""
        self._used.add(connection)

    def closed(self, connection: Any) -> None:
        self._used.discard(connection)
        self._show()

    def should_close(self) -> bool:
        """Whether to close the connection of a new request after the response."""
        self._to_close -= 1
        return self._to_close >= 0

    def count_used(self) -> None:
        """Count the connections in use, and decide how many to close until the next count."""
        now = self._loop.time()
        self._used = {connection for connection in self._used if connection.quiet_s(now) < COUNT_S}
        self._in_use, self._new = len(self._used), 0
        self._show()
        self._to_close = math.ceil(CLOSED * self._surplus()) if self._was_busy() else 0

    def _count_again(self) -> None:
        self._loop.call_later(COUNT_S, self._count_again)
        self.count_used()

    def _show(self) -> None:
        self.counts.show(self.count if self._is_accepting else ABSENT)

    def _was_busy(self) -> bool:
        """Whether this worker was busy since the last count."""
        before_s, self._worked_before_s = self._worked_before_s, self._worked_s()
        return self._worked_before_s - before_s > BUSY * COUNT_S

    def _surplus(self) -> int:
        """The lead in connections in use over the worker with the fewest; 0 if the lead is small."""
        fewest = self.counts.fewest_elsewhere()
        return 0 if fewest is None or self._in_use <= max(1, UNEVEN * fewest) else self._in_use - fewest
