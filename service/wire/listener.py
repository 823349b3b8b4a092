"""Accepts connections in place of uvicorn's listeners, so that the workers share them evenly."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from uvicorn.server import Server

from service.wire.accept_policy import BACK_OFF_S, AcceptPolicy
from service.wire.balancing import Balancer

HANDSHAKE_S, LAST_HANDSHAKE_S = 10.0, 2.0
# Interval of the checks whether uvicorn has started.
STARTING_S = 0.005
# Pause after file descriptors or memory have run out: accepting at once would fail again.
EXHAUSTED_S = 0.5
logger = logging.getLogger(__name__)


class Listener:
    """Takes over the sockets of a uvicorn server once it has started."""

    def __init__(self, server: Server, balancer: Balancer, protocol: Callable[..., asyncio.Protocol]) -> None:
        """`protocol` creates connections, also those before the takeover; it gets the arguments of uvicorn's class."""
        server.config.http_protocol_class = protocol  # type: ignore[assignment]
        self._server = server
        self._balancer = balancer
        self._protocol = protocol
        self._policy = AcceptPolicy(balancer)
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._opening = self._loop.create_task(self._take_over())
        self._opening.add_done_callback(_log_failure)

    @property
    def sockets(self) -> list[socket.socket]:
        """Used by uvicorn, like `close` and `wait_closed`."""
        return self._listening

    def close(self) -> None:
        for sock in self._stop_listening():
            sock.close()

    async def wait_closed(self) -> None:
        pass

    async def stop_accepting(self, *, is_last: bool) -> None:
        """Accept no more connections. `is_last`: no other worker listens on the sockets, so connections that already
        wait in the kernel are accepted, and later ones are refused.
        """
        self._opening.cancel()
        for sock in self._stop_listening():
            if is_last:
                self._accept_all(sock)
            sock.close()
        if self._connecting:
            await asyncio.wait(self._connecting, timeout=LAST_HANDSHAKE_S)

    def _stop_listening(self) -> list[socket.socket]:
        listening, self._listening = self._listening, []
        for sock in listening:
            self._loop.remove_reader(sock)
        self._balancer.set_accepting(False)
        return listening

    async def _take_over(self) -> None:
        while not self._server.started:
            await asyncio.sleep(STARTING_S)
        server = self._server
        self._protocol = partial(
            self._protocol, config=server.config, server_state=server.server_state, app_state=server.lifespan.state
        )
        for listener in server.servers:
            self._listening += [socket.socket(fileno=os.dup(sock.fileno())) for sock in listener.sockets]
            listener.close()
        server.servers = [self]  # type: ignore[list-item]  # so that uvicorn closes this listener
        for sock in self._listening:
            sock.setblocking(False)
            self._listen(sock)
        self._balancer.set_accepting(True)

    def _listen(self, sock: socket.socket) -> None:
        if sock in self._listening:
            self._loop.add_reader(sock, self._accept, sock)

    def _pause(self, sock: socket.socket, *, seconds: float) -> None:
        self._loop.remove_reader(sock)
        self._loop.call_later(seconds, self._listen, sock)

    def _accept(self, sock: socket.socket) -> None:
        at_once, lead = self._policy.burst()
        try:
            for _ in range(at_once):
                if self._policy.backs_off(lead):
                    self._pause(sock, seconds=BACK_OFF_S)
                    return
                self._connect(sock.accept()[0])
        except (BlockingIOError, ConnectionAbortedError):  # another worker accepted it, or the client closed it
            return
        except OSError as error:
            if error.errno == errno.EINVAL:  # the last worker to stop has shut the socket down
                self._loop.remove_reader(sock)
                return
            logger.error("Cannot accept connections: %s", error.strerror)
            self._pause(sock, seconds=EXHAUSTED_S)

    def _accept_all(self, sock: socket.socket) -> None:
        with suppress(OSError):  # no connection waits, or another worker has shut the socket down
            while True:
                with suppress(ConnectionAbortedError):  # the client closed this connection
                    self._connect(sock.accept()[0])
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _connect(self, connection: socket.socket) -> None:
        self._balancer.accepted()
        task = self._loop.create_task(self._handshake(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        self._balancer.connected()
        _log_failure(task)

    async def _handshake(self, connection: socket.socket) -> None:
        tls = self._server.config.ssl
        options: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": HANDSHAKE_S} if tls else {}
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection, **options)
        except OSError:  # the client closed the connection, or does not use TLS
            connection.close()


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("Accepting connections failed: %s", error)
