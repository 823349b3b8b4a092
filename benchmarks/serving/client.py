"""An HTTP client that costs little: raw sockets on uvloop, requests made beforehand, one at a time a connection."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

LOST = 0
"""The status of a request that was sent and had no complete answer."""

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)

TICK_S = 0.001
OPEN_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as bytes; `about` says to the caller what it was."""

    content: bytes
    about: Any = None


@dataclass(slots=True)
class Answer:
    status: int = LOST
    head: bytes = b""
    body: bytes = b""
    started: float = 0.0
    seconds: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body)

    def has(self, header: bytes) -> bool:
        return b"\r\n" + header.lower() + b":" in self.head.lower()


OnAnswer = Callable[[Ask, Answer], None]


class Connection(asyncio.Protocol):
    """Keeps alive as long as the server does."""

    def __init__(self) -> None:
        self.is_open = False
        self._on_answer: OnAnswer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def send(self, ask: Ask, on_answer: OnAnswer, *, since: float | None = None) -> None:
        """`since`: when it should have been sent, from which its time counts."""
        self._ask, self._on_answer = ask, on_answer
        self._answer = Answer(started=time.perf_counter() if since is None else since)
        self._received = b""
        self._transport.write(ask.content)

    async def ask(self, ask: Ask) -> Answer:
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def on_answer(_: Ask, answer: Answer) -> None:
            if not done.cancelled():
                done.set_result(answer)

        self.send(ask, on_answer)
        return await done

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Only what servers answer with here: a length, and so an end that is known. A parser would take half of the
        time that this client takes from the server.
        """
        self._received = received = self._received + data if self._received else data
        head_end = received.find(HEAD_END) + len(HEAD_END)
        if head_end < len(HEAD_END):
            return
        head = received[:head_end]
        length = LENGTH.search(head)
        if length is None:
            raise ValueError(f"An answer without Content-Length: {head!r}")
        if len(received) < head_end + int(length[1]):
            return
        answer = self._answer
        answer.status, answer.head, answer.body = int(received[9:12]), head, received[head_end:]
        self.is_open = CLOSES.search(head) is None
        if not self.is_open:
            self._transport.close()
        self._finish()

    def connection_lost(self, _: Exception | None) -> None:
        self.is_open = False
        self._finish()

    def _finish(self) -> None:
        if self._on_answer is None:
            return
        on_answer, self._on_answer = self._on_answer, None
        self._answer.seconds = time.perf_counter() - self._answer.started
        on_answer(self._ask, self._answer)


async def connect(port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def post(path: str, body: bytes | dict[str, Any], *, about: Any = None) -> Ask:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    )
    return Ask(f"{head}\r\n\r\n".encode() + content, about)


def get(path: str) -> Ask:
    return Ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), path)


async def closed_loop(
    port: int,
    asks: Iterator[Ask],
    *,
    connections: int,
    on_answer: OnAnswer,
    seconds: float = float("inf"),
    is_over: Callable[[], bool] = lambda: False,
) -> float:
    """Each connection sends its next request when it has its answer; the seconds until all had their last."""
    started = time.perf_counter()

    async def converse() -> None:
        connection = await connect(port)
        while time.perf_counter() - started < seconds and not is_over():
            if (ask := next(asks, None)) is None:
                break
            if not connection.is_open:
                connection = await connect(port)
            on_answer(ask, await connection.ask(ask))
        connection.close()

    await asyncio.gather(*(converse() for _ in range(connections)))
    return time.perf_counter() - started


class OpenLoop:
    """Requests at a rate, whatever becomes of those before them."""

    def __init__(self, port: int, asks: Iterator[Ask], *, max_connections: int, on_answer: OnAnswer) -> None:
        self._port, self._asks, self._max, self._on_answer = port, asks, max_connections, on_answer
        self._idle: deque[Connection] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.in_flight = 0
        self.unsent = 0
        self.late_s = 0.0
        self.cpu_share = 0.0

    async def open(self) -> None:
        """All connections beforehand, few at a time: a burst of them would overflow the server's backlog, and the
        kernel's retries, seconds apart, would be taken for its answers.
        """
        while self.connections < self._max:
            opened = await asyncio.gather(*(connect(self._port) for _ in range(OPEN_AT_ONCE)))
            self._idle.extend(opened)
            self.connections += len(opened)

    async def run(self, *, rate: float, seconds: float) -> None:
        """Count as `unsent` what found every connection busy, and what could not connect; `late_s`: the furthest
        that the loop was behind its rate, `cpu_share`: what this process took of a core.
        """
        started, used, due = time.perf_counter(), time.process_time(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            self.late_s = max(self.late_s, elapsed - due / rate)
            while due < elapsed * rate:
                self._dispatch(started + due / rate)
                due += 1
            await asyncio.sleep(TICK_S)
        self.cpu_share = (time.process_time() - used) / seconds

    async def drain(self, *, seconds: float) -> None:
        """Wait for the answers under way, then close."""
        deadline = time.perf_counter() + seconds
        while self.in_flight and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        for connection in self._idle:
            connection.close()

    def _dispatch(self, due: float) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                self._send(connection, due)
                return
            self.connections -= 1
        if self.connections >= self._max:
            self.unsent += 1
            return
        self.connections += 1
        task = asyncio.ensure_future(self._open(due))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, due: float) -> None:
        try:
            connection = await connect(self._port)
        except OSError:
            self.connections -= 1
            self.unsent += 1
            return
        self._send(connection, due)

    def _send(self, connection: Connection, due: float) -> None:
        self.in_flight += 1
        connection.send(next(self._asks), lambda ask, answer: self._done(connection, ask, answer), since=due)

    def _done(self, connection: Connection, ask: Ask, answer: Answer) -> None:
        self.in_flight -= 1
        if connection.is_open:
            self._idle.append(connection)
        else:
            self.connections -= 1
        self._on_answer(ask, answer)


def asked(port: int, method: str, path: str, body: bytes | None = None, *, timeout_s: float = 5.0) -> Answer:
    """One request on a connection of its own, without an event loop; status `LOST` where there is no answer."""
    connection, started = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s), time.perf_counter()
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        return Answer(response.status, b"", response.read(), started, time.perf_counter() - started)
    except (OSError, http.client.HTTPException):
        return Answer(started=started, seconds=time.perf_counter() - started)
    finally:
        connection.close()
