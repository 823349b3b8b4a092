"""On SIGTERM: fail the readiness probe at once, continue to answer for some time, then stop accepting connections.

uvicorn alone stops accepting at once. The kernel still completes connections on its port, and resets them at the end.
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

# Time to read and answer the last accepted connections, before uvicorn closes those that it considers idle.
LAST_READ_S = 0.3
# How much longer to wait for first requests, because a client on a busy machine may be slow; how often to check.
FIRST_REQUEST_S, CHECK_S = 1.0, 0.02
# One signal to a process group, as systemd sends it, reaches a worker twice: directly and through its parent.
SAME_SIGNAL_S = 1.0
logger = logging.getLogger(__name__)


def running_server() -> Server | None:
    """This process's uvicorn server, as the owner of the SIGTERM handler: BentoML does not expose it."""
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
        """`on_begin` makes probes fail and makes each response close its connection, so that clients connect elsewhere.
        `is_last`: whether all other workers of the listening socket are stopping as well.
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
        elif time.monotonic() - self._began_s > SAME_SIGNAL_S:  # a second signal: stop now
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
        """Wait for the first requests of new connections, for a limited time: some clients never send one."""
        connections: Any = self._server.server_state.connections
        until = self._loop.time() + FIRST_REQUEST_S
        while any(one.state in (NEW, HEAD, NEXT_HEAD) for one in connections) and self._loop.time() < until:
            await asyncio.sleep(CHECK_S)
