"""Servers of uvicorn in this process, with our connections."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config, Server

from service.wire.balancing import Balancer
from service.wire.connection import Callbacks, Connection
from service.wire.connection_counts import ConnectionCounts
from service.wire.idle_sweep import IdleSweep
from service.wire.listener import Listener

LONG_S = 600
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


CALLBACKS = Callbacks(
    answer, lambda _error, _target: b"", lambda: None, lambda _head, _seconds: None, head_s=1.0, stall_s=1.0
)


class Uvicorn:
    """One worker on a listening socket; `folder` is where it and its neighbours count their connections."""

    def __init__(
        self, callbacks: Callbacks, folder: Path, *, index: int = 0, is_busy: bool = False, keep_alive_s: int = 60
    ) -> None:
        config = Config(callbacks.app, lifespan="off", log_level="warning", timeout_keep_alive=keep_alive_s)
        config.load()
        self.server = Server(config)
        self.server.lifespan = config.lifespan_class(config)
        counts = ConnectionCounts(folder / "connections", workers=2, index=index)
        self.balancer = Balancer(counts, self.server.server_state.connections, worked(is_busy))
        self.listener = Listener(self.server, self.balancer, partial(Connection, callbacks, self.balancer))
        IdleSweep(self.server).start()

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def start(self, listening: socket.socket) -> None:
        await self.server.startup(sockets=[listening.dup()])

    async def stop(self) -> None:
        await self.listener.stop_accepting(is_last=False)
        await self.server.shutdown()


def worked(is_busy: bool) -> Callable[[], float]:
    """The clock of a worker that has computed all the time since the last count, or never."""
    return partial(next, itertools.count(LONG_S, LONG_S)) if is_busy else lambda: 0.0


@dataclass
class Workers:
    address: tuple[str, int]
    all: list[Uvicorn]

    @property
    def counts(self) -> list[int]:
        return [worker.connections for worker in self.all]


@asynccontextmanager
async def two_workers(folder: Path, *, is_busy: bool = False, keep_alive_s: int = 60) -> AsyncIterator[Workers]:
    """Two servers on one listening socket. The connections in use are counted when a test says so."""
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.MonkeyPatch.context() as patched:
        patched.setattr("service.wire.balancing.COUNT_S", LONG_S)
        workers = Workers(
            listening.getsockname(),
            [Uvicorn(CALLBACKS, folder, index=index, is_busy=is_busy, keep_alive_s=keep_alive_s) for index in range(2)],
        )
        for worker in workers.all:
            await worker.start(listening)
        try:
            await asyncio.gather(*(worker.listener._opening for worker in workers.all))
            yield workers
        finally:  # uvloop waits for ever at its end if a listener is left open
            for worker in workers.all:
                await worker.stop()


@asynccontextmanager
async def connected(workers: Workers, count: int) -> AsyncIterator[list[Streams]]:
    pairs = await asyncio.gather(*(asyncio.open_connection(*workers.address) for _ in range(count)))
    try:
        while sum(workers.counts) < count:
            await asyncio.sleep(0.01)
        yield list(pairs)
    finally:
        for _, writer in pairs:
            writer.close()
            await writer.wait_closed()
