"""Connections in use, shared evenly among the workers.

Clients hold more connections than they need and take the one that they used last. So most requests of a few clients
may come to one worker, and as its answers come last, its connections stay the ones that are used. A busy worker that
has many more connections in use than a neighbour therefore closes some with their answer; their clients connect again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from typing import Any

from service.wire.connection_counts import ABSENT, ConnectionCounts

# How often connections in use are counted; one that was quiet for as long is not in use.
COUNT_S = 0.5
# A worker with more than UNEVEN times as many as a neighbour closes this share of the difference after each count.
UNEVEN, CLOSED = 2, 1 / 4
# A worker that computes for this share of its time is busy.
BUSY = 0.5


class Balancer:
    """Counts the connections in use for the neighbours, and says which ones to close."""

    def __init__(self, counts: ConnectionCounts, opened: Collection[object], worked_s: Callable[[], float]) -> None:
        """`opened`: all open connections. `worked_s`: how long this worker has computed so far."""
        self.counts = counts
        self._opened = opened
        self._worked_s = worked_s
        self._worked_before_s = 0.0
        self._is_accepting = False
        self._used: set[Any] = set()
        self._in_use = self._new = self._connecting = self._to_close = 0
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(COUNT_S, self._count_used)

    @property
    def count(self) -> int:
        """Connections in use at the last count or new since then; not more than are open."""
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
        """The handshake has ended, with success or without."""
        self._connecting -= 1
        self._show()

    def use(self, connection: Any) -> None:
        """The connection is opened, or a request on it begins."""
        self._used.add(connection)

    def closed(self, connection: Any) -> None:
        self._used.discard(connection)
        self._show()

    def should_close(self) -> bool:
        """Whether the connection of the request that begins should end with its answer."""
        self._to_close -= 1
        return self._to_close >= 0

    def _show(self) -> None:
        self.counts.show(self.count if self._is_accepting else ABSENT)

    def _count_used(self) -> None:
        self._loop.call_later(COUNT_S, self._count_used)
        now = self._loop.time()
        self._used = {connection for connection in self._used if connection.quiet_s(now) < COUNT_S}
        self._in_use, self._new = len(self._used), 0
        self._show()
        self._to_close = math.ceil(CLOSED * self._surplus()) if self._was_busy() else 0

    def _was_busy(self) -> bool:
        """Since the last count."""
        before_s, self._worked_before_s = self._worked_before_s, self._worked_s()
        return self._worked_before_s - before_s > BUSY * COUNT_S

    def _surplus(self) -> int:
        """Connections in use beyond those of the neighbour that has the fewest, if they are far more."""
        fewest = self.counts.fewest_elsewhere()
        return 0 if fewest is None or self._in_use <= max(1, UNEVEN * fewest) else self._in_use - fewest
