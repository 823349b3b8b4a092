"""A guarded server in this process that answers with what it was sent, and a client that takes answers one by one."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from service.http.envelope import json_response
from service.http.guard import Guard, RequestLimits
from service.http.route import OPEN_INFERENCE, Route
from service.telemetry.access_log import Entry
from service.telemetry.metrics import Metrics
from tests.service.wire import bounded
from tests.service.wire.uvicorns import Uvicorn

Answer = tuple[int, dict[str, str], dict[str, Any]]
# The server's for the time of a head, and for a silence.
LIMIT_S = 1.0
# More than the buffers of both ends hold.
LARGE = 32 * 1024 * 1024
PROBE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b'{"texts": ["my invoice"]}'


def post(path: str = "/predict", *more: str, length: int = len(BODY)) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


class EchoServer:
    """It is overloaded while `full_for_s` is a number."""

    def __init__(self, folder: Path) -> None:
        self.full_for_s: int | None = 3
        self.entries: list[Entry] = []
        self.metrics = Metrics()
        guard = Guard(
            [
                Route("/predict", self._echo, method="POST", takes_texts=True),
                Route("/models/{name}", self._echo, method="POST", takes_texts=True),
                Route("/v2/models/{name}/infer", self._echo, method="POST", group=OPEN_INFERENCE, takes_texts=True),
                Route("/livez", self._echo),
                Route("/large", self._large),
                Route("/brief", self._brief),
                Route("/slow", self._slow),
            ],
            require=lambda _request, _scope: None,
            metrics=self.metrics,
            limits=RequestLimits(50_000, 5.0),
            full_for_s=lambda: self.full_for_s,
            log=self.entries.append,
        )
        self.callbacks = guard.callbacks(guard, head_s=LIMIT_S, stall_s=LIMIT_S)
        self.worker = Uvicorn(self.callbacks, folder, keep_alive_s=1)

    @staticmethod
    async def _echo(request: Request) -> Response:
        return json_response({"body": (await request.body()).decode()})

    @staticmethod
    async def _brief(_: Request) -> Response:
        return json_response({})

    @staticmethod
    async def _slow(_: Request) -> Response:
        await asyncio.sleep(2.5 * LIMIT_S)
        return json_response({})

    @staticmethod
    async def _large(_: Request) -> Response:
        return json_response("x" * LARGE)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""


@asynccontextmanager
async def connected(server: EchoServer) -> AsyncIterator[Client]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await server.worker.start(listening)
        client = Client(*await asyncio.open_connection(*listening.getsockname()))
        try:
            async with asyncio.timeout(20):
                yield client
        finally:
            client.writer.transport.abort()
            await server.worker.stop()


Session = Callable[[EchoServer, Client], Coroutine[Any, Any, None]]
Run = Callable[[Session], EchoServer]


def run_in(folder: Path) -> Run:
    """Runs a session of a client with a server of its own."""

    def run(session: Session) -> EchoServer:
        async def work() -> EchoServer:
            server = EchoServer(folder)
            async with connected(server) as client:
                await session(server, client)
            return server

        return bounded.run(work())

    return run
