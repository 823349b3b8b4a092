"""Checks all connections at intervals, and closes those that are idle or whose client does not read.

A timer for each response would take as long as encoding its JSON.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.server import Server

# With 0.5 s, checking thousands of idle connections took 8 % of the time of a busy event loop.
SWEEP_S = 2.0


class IdleSweep:
    """Closes a connection that is idle, or whose client reads no response data, for longer than the keep-alive time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        # For each connection with unread data: the number of unread bytes, and when it last changed.
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
                connection.transport.abort()  # close() would wait until the client has read everything
