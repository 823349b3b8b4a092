"""SIGTERM: not ready at once, still answering for a while, and only then deaf.

uvicorn alone goes deaf at once while its port still takes connections, and resets them when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from uvicorn.server import Server

LAST_WORDS_S, HAND_SHAKE_S = 0.3, 2.0
logger = logging.getLogger(__name__)


class Drain:
    """Stands before uvicorn's handler of SIGTERM. `has_begun`: say so to probes, and close each connection
    after its answer, so that its client comes back elsewhere.
    """

    def __init__(
        self,
        server: Server,
        *,
        seconds: float,
        on_begin: Callable[[], None] = lambda: None,
        is_last: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_last`: whether no worker goes on that shares the listening socket."""
        self._server = server
        self._seconds = seconds
        self._on_begin = on_begin
        self._is_last = is_last
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Task[None] | None = None
        self.has_begun = False

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._begin)

    def _begin(self, number: int, frame: FrameType | None) -> None:
        if self.has_begun:  # a second one means now
            self._server.handle_exit(number, frame)
            return
        self.has_begun = True
        self._loop.call_soon_threadsafe(self._start, number)

    def _start(self, number: int) -> None:
        self._ending = self._loop.create_task(self._end(number))

    async def _end(self, number: int) -> None:
        logger.info("Stopping in %g s: not ready, still answering", self._seconds)
        try:
            self._on_begin()
            await asyncio.sleep(self._seconds)
            is_last = self._is_last()
            for listener in self._server.servers:
                for listening in listener.sockets:
                    await self._go_deaf(listener, listening, for_all=is_last)
            # What was taken just now is read and answered before uvicorn closes what it thinks is idle.
            await asyncio.sleep(LAST_WORDS_S)
        finally:
            self._server.handle_exit(number, None)

    async def _go_deaf(self, listener: asyncio.Server, listening: socket.socket, *, for_all: bool) -> None:
        """Take no more connections; the last worker first takes those that the kernel has accepted already."""
        taken = _take_waiting(listening) if for_all else []
        listener.close()
        tls = self._server.config.ssl
        hand_shake: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": HAND_SHAKE_S} if tls else {}
        connecting = [
            self._loop.connect_accepted_socket(self._protocol, connection, **hand_shake) for connection in taken
        ]
        await asyncio.gather(*connecting, return_exceptions=True)  # one that hangs up spoils no other

    def _protocol(self) -> asyncio.Protocol:
        config: Any = self._server.config
        protocol: asyncio.Protocol = config.http_protocol_class(
            config=config, server_state=self._server.server_state, app_state=self._server.lifespan.state
        )
        return protocol


def _take_waiting(listening: socket.socket) -> list[socket.socket]:
    """Every connection in the queue of a shared listening socket, which then refuses new ones."""
    taken = []
    with socket.socket(fileno=os.dup(listening.fileno())) as own:
        own.setblocking(False)
        with suppress(BlockingIOError, OSError):  # EINVAL: another worker was first
            while True:
                taken.append(own.accept()[0])
        with suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)
    return taken
