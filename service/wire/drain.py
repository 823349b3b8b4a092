"""SIGTERM: not ready at once, still answering for a while, and only then deaf.

uvicorn alone goes deaf at once while its port still takes connections, and resets them when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from types import FrameType

from uvicorn.server import Server

from service.wire.listener import Reception

LAST_WORDS_S = 0.3
# So much longer for who has come and not asked yet: where the machine is busy, a client stands still in between.
PATIENCE_S = 1.0
# Who signals a whole group, as systemd does, reaches a worker by itself and through its parent: that is one order.
SAME_ORDER_S = 1.0
logger = logging.getLogger(__name__)


class Drain:
    """Stands before uvicorn's handler of SIGTERM."""

    def __init__(
        self,
        server: Server,
        reception: Reception,
        *,
        seconds: float,
        on_begin: Callable[[], None] = lambda: None,
        is_last: Callable[[], bool] = lambda: True,
    ) -> None:
        """`on_begin` says so to probes, and lets each answer close its connection, so that its client comes back
        elsewhere. `is_last`: whether no worker goes on that shares the listening socket.
        """
        self._server = server
        self._reception = reception
        self._seconds = seconds
        self._on_begin = on_begin
        self._is_last = is_last
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Task[None] | None = None
        self._began_s: float | None = None

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._begin)

    def _begin(self, number: int, frame: FrameType | None) -> None:
        if self._began_s is None:
            self._began_s = time.monotonic()
            self._loop.call_soon_threadsafe(self._start, number)
        elif time.monotonic() - self._began_s > SAME_ORDER_S:  # a second one means now
            self._server.handle_exit(number, frame)

    def _start(self, number: int) -> None:
        self._ending = self._loop.create_task(self._end(number))

    async def _end(self, number: int) -> None:
        logger.info("Stopping in %g s: not ready, still answering", self._seconds)
        try:
            self._on_begin()
            await asyncio.sleep(self._seconds)
            await self._reception.go_deaf(for_all=self._is_last())
            # What was taken just now is read and answered before uvicorn closes what it thinks is idle.
            await asyncio.sleep(LAST_WORDS_S)
            await self._reception.hear_out(seconds=PATIENCE_S)
        finally:
            self._server.handle_exit(number, None)
