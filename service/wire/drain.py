"""On SIGTERM: not ready at once, answering for a while longer, and only then no new connections.

uvicorn alone stops accepting at once while its port still takes connections, and resets them when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import Any

from uvicorn.server import Server

from service.wire.listener import Listener
from service.wire.states import HEAD, NEW, NEXT_HEAD

# For connections that were accepted last to be read and answered, before uvicorn closes what it takes for idle.
LAST_READ_S = 0.3
# How much longer to wait for a first request; how often to check. On a busy machine a client may halt before it.
FIRST_REQUEST_S, CHECK_S = 1.0, 0.02
# Signals to a whole group, as systemd sends them, reach a worker directly and through its parent: that is one order.
SAME_ORDER_S = 1.0
logger = logging.getLogger(__name__)


def running_server() -> Server | None:
    """The server that this process runs: its own handler waits for SIGTERM. BentoML does not hand it over."""
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return owner if isinstance(owner, Server) else None


class Drain:
    """Runs before uvicorn's handler of SIGTERM."""

    def __init__(
        self,
        server: Server,
        listener: Listener,
        *,
        seconds: float,
        on_begin: Callable[[], None] = lambda: None,
        is_last: Callable[[], bool] = lambda: True,
    ) -> None:
        """`on_begin` makes probes fail and each answer close its connection, so that its client connects elsewhere.
        `is_last`: whether no other worker goes on that shares the listening socket.
        """
        self._server = server
        self._listener = listener
        self._seconds = seconds
        self._on_begin = on_begin
        self._is_last = is_last
        self._loop = asyncio.get_running_loop()
        self._ending: Future[None] | None = None
        self._began_s: float | None = None

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._begin)

    def _begin(self, number: int, frame: FrameType | None) -> None:
        if self._began_s is None:
            self._began_s = time.monotonic()
            self._ending = asyncio.run_coroutine_threadsafe(self._end(number), self._loop)
        elif time.monotonic() - self._began_s > SAME_ORDER_S:  # a second order means now
            self._server.handle_exit(number, frame)

    async def _end(self, number: int) -> None:
        logger.info("Stopping in %g s: not ready, still answering", self._seconds)
        try:
            self._on_begin()
            await asyncio.sleep(self._seconds)
            await self._listener.stop_accepting(is_last=self._is_last())
            await asyncio.sleep(LAST_READ_S)
            await self._wait_for_requests()
        finally:
            self._server.handle_exit(number, None)

    async def _wait_for_requests(self) -> None:
        """Until none is about to come; not for ever, as some clients connect and never send one."""
        connections: Any = self._server.server_state.connections
        until = self._loop.time() + FIRST_REQUEST_S
        while any(one.state in (NEW, HEAD, NEXT_HEAD) for one in connections) and self._loop.time() < until:
            await asyncio.sleep(CHECK_S)
