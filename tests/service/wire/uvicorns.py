"""Servers of uvicorn in this process, with our connections."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.types import Receive, Scope, Send
from uvicorn import Config, Server

from service.wire.balancing import Balancer
from service.wire.connection import Callbacks, Connection
from service.wire.connection_counts import ConnectionCounts
from service.wire.idle_sweep import IdleSweep
from service.wire.listener import Listener

KEEP_ALIVE_S = 1
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

    def __init__(self, callbacks: Callbacks, folder: Path, *, index: int = 0, is_busy: bool = False) -> None:
        config = Config(callbacks.app, lifespan="off", log_level="warning", timeout_keep_alive=KEEP_ALIVE_S)
        config.load()
        self.server = Server(config)
        self.server.lifespan = config.lifespan_class(config)
        counts = ConnectionCounts(folder / "connections", workers=2, index=index)
        balancer = Balancer(counts, self.server.server_state.connections, worked(is_busy))
        self.listener = Listener(self.server, balancer, partial(Connection, callbacks, balancer))
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
    """The clock of a worker that computes all the time, or never."""
    return time.monotonic if is_busy else lambda: 0.0


@dataclass
class Workers:
    address: tuple[str, int]
    all: list[Uvicorn]

    @property
    def counts(self) -> list[int]:
        return [worker.connections for worker in self.all]


@asynccontextmanager
async def two_workers(folder: Path, *, is_busy: bool = False) -> AsyncIterator[Workers]:
    """Two servers on one listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        workers = Workers(
            listening.getsockname(), [Uvicorn(CALLBACKS, folder, index=index, is_busy=is_busy) for index in range(2)]
        )
        for worker in workers.all:
            await worker.start(listening)
        await asyncio.sleep(0.05)  # until both have taken over from uvicorn's own listeners
        yield workers
        for worker in workers.all:
            await worker.stop()


@asynccontextmanager
async def connected(workers: Workers, count: int) -> AsyncIterator[list[Streams]]:
    pairs = await asyncio.gather(*(asyncio.open_connection(*workers.address) for _ in range(count)))
    while sum(workers.counts) < count:
        await asyncio.sleep(0.01)
    yield list(pairs)
    for _, writer in pairs:
        writer.close()
        await writer.wait_closed()
