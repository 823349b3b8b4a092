"""Looks at all connections now and then, and ends the idle ones and the stuck ones.

A timer for each answer would cost as much as its JSON.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.server import Server

# To look at thousands of idle connections four times as often took a twelfth of a busy loop's time.
SWEEP_S = 2.0


class IdleSweep:
    """Ends connections that are quiet, or whose client reads nothing of its answers, for longer than keep-alive."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        # Of slow clients: bytes that they have not read, and since when there are as many.
        self._unread: dict[Any, tuple[int, float]] = {}

    def start(self) -> None:
        self._loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self.start()
        now, limit_s = self._loop.time(), self._server.config.timeout_keep_alive
        before, self._unread = self._unread, {}
        connections: Any = self._server.server_state.connections
        for connection in list(connections):
            if connection.quiet_s(now) > limit_s:
                connection.shutdown()
            if not (connection.flow.write_paused or connection.transport.is_closing()):
                continue
            size = connection.transport.get_write_buffer_size()
            last_size, since = before.get(connection, (size, now))
            self._unread[connection] = (size, since if size == last_size else now)
            if size == last_size and now - since > limit_s:
                connection.transport.abort()  # to close it would wait until all is read
