"""Two servers on one listening socket, as two workers are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import uvloop
from starlette.types import Receive, Scope, Send

from service.reception import IN_VAIN_S, STAND_BACKS, Reception, Tally
from service.transport import Door
from tests.service.uvicorns import Uvicorn

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


DOOR = Door(answer, lambda _: b"", lambda: None, lambda _head, _seconds: None, head_s=1.0, stall_s=1.0)


@dataclass
class Workers:
    address: tuple[str, int]
    all: list[Uvicorn]

    @property
    def counts(self) -> list[int]:
        return [worker.connections for worker in self.all]


@asynccontextmanager
async def two_workers(folder: Path) -> AsyncIterator[Workers]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        workers = Workers(listening.getsockname(), [Uvicorn(DOOR, folder, index=index) for index in range(2)])
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


def test_a_burst_of_connections_is_shared_out(tmp_path: Path) -> None:
    async def work() -> list[int]:
        async with two_workers(tmp_path) as workers, connected(workers, 40):
            return workers.counts

    assert min(uvloop.run(work())) > 15


def test_connections_are_answered_and_counted_until_they_end(tmp_path: Path) -> None:
    async def work() -> tuple[list[bytes], list[int | None]]:
        third = Tally(tmp_path / "connections", workers=3, index=2)
        async with two_workers(tmp_path) as workers:
            async with connected(workers, 4) as pairs:
                await asyncio.sleep(0.05)  # until each has its seat
                fewest = [third.fewest_elsewhere()]
                for _, writer in pairs:
                    writer.write(REQUEST)
                lines = [await reader.readline() for reader, _ in pairs]
            while sum(workers.counts):
                await asyncio.sleep(0.01)
            return lines, [*fewest, third.fewest_elsewhere()]

    assert uvloop.run(work()) == ([b"HTTP/1.1 200 OK\r\n"] * 4, [2, 0])


def test_who_has_gone_deaf_is_left_out_of_account(tmp_path: Path) -> None:
    async def work() -> list[int | None]:
        third = Tally(tmp_path / "connections", workers=3, index=2)
        async with two_workers(tmp_path) as workers, connected(workers, 6):
            await workers.all[0].reception.go_deaf(for_all=False)
            found = [third.fewest_elsewhere()]
            workers.all[1].server.servers[0].close()  # as uvicorn does when it ends
            return [*found, third.fewest_elsewhere()]

    assert uvloop.run(work()) == [3, None]


def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    async def work() -> list[bytes]:
        async with two_workers(tmp_path) as workers, connected(workers, 2) as (silent, asked):
            asked[1].write(REQUEST)
            await asked[0].readuntil(b"\r\n\r\n")
            async with asyncio.timeout(10):
                return [await silent[0].read(), await asked[0].read()]

    assert uvloop.run(work()) == [b"", b""]


def test_who_goes_last_takes_what_waits_and_then_refuses(tmp_path: Path) -> None:
    async def work() -> tuple[bytes, bool]:
        async with two_workers(tmp_path) as workers:
            first, last = (worker.reception for worker in workers.all)
            await first.go_deaf(for_all=False)
            waiting = socket.create_connection(workers.address)  # nobody has had a turn to take it
            await last.go_deaf(for_all=True)
            reader, writer = await asyncio.open_connection(sock=waiting)
            writer.write(REQUEST)
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            with socket.socket() as late:
                return line, late.connect_ex(workers.address) == 0

    assert uvloop.run(work()) == (b"HTTP/1.1 200 OK\r\n", False)


def test_a_worker_with_more_stands_back_but_not_for_ever(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        connections = set(range(10))
        server = SimpleNamespace(started=False, server_state=SimpleNamespace(connections=connections))
        neighbour = Tally(tmp_path / "connections", workers=2, index=1)
        neighbour.show(5)
        reception = Reception(server, Tally(tmp_path / "connections", workers=2, index=0))  # type: ignore[arg-type]
        found = [reception._stands_back() for _ in range(STAND_BACKS + 2)]
        await asyncio.sleep(IN_VAIN_S)
        found.append(reception._stands_back())
        neighbour.show(10)
        found.append(reception._stands_back())
        await reception.go_deaf(for_all=False)
        return found

    assert uvloop.run(work()) == [True] * STAND_BACKS + [False, False, True, False]
