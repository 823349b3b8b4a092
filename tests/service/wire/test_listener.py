"""Two servers on one listening socket, as two workers are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from service.wire.connection import Door
from service.wire.listener import ABSENT, AT_ONCE, IN_VAIN_S, LOOK_S, STAND_BACKS, Reception, Tally
from tests.service.wire.uvicorns import Uvicorn, worked

# Until a reception has looked at its connections.
LOOKED_S = 1.5 * LOOK_S
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


DOOR = Door(answer, lambda _error, _target: b"", lambda: None, lambda _head, _seconds: None, head_s=1.0, stall_s=1.0)


@dataclass
class Workers:
    address: tuple[str, int]
    all: list[Uvicorn]

    @property
    def counts(self) -> list[int]:
        return [worker.connections for worker in self.all]


@asynccontextmanager
async def two_workers(folder: Path, *, is_busy: bool = False) -> AsyncIterator[Workers]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        workers = Workers(
            listening.getsockname(), [Uvicorn(DOOR, folder, index=index, is_busy=is_busy) for index in range(2)]
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


def test_connections_are_in_use_while_they_ask_and_a_little_longer(tmp_path: Path) -> None:
    async def work() -> None:
        third = Tally(tmp_path / "connections", workers=3, index=2)

        async def come_to(in_use: bool) -> None:
            while bool(third.fewest_elsewhere()) != in_use:
                await asyncio.sleep(0.01)

        async with two_workers(tmp_path) as workers, asyncio.timeout(20):
            for worker in workers.all:
                worker.server.config.timeout_keep_alive = 60  # that no connection ends meanwhile
            async with connected(workers, 8) as pairs:
                await workers.all[1].reception.go_deaf(for_all=False)
                await come_to(True)
                await come_to(False)
                for _, writer in pairs:
                    writer.write(REQUEST)
                await come_to(True)
                await come_to(False)

    uvloop.run(work())


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
        neighbour = Tally(tmp_path / "connections", workers=2, index=1)
        reception = worker_with(10, in_use=10, folder=tmp_path)
        await asyncio.sleep(LOOKED_S)
        neighbour.show(5)
        found = [reception._stands_back() for _ in range(STAND_BACKS + 2)]
        await asyncio.sleep(IN_VAIN_S)
        found.append(reception._stands_back())
        neighbour.show(10)
        found.append(reception._stands_back())
        await reception.go_deaf(for_all=False)
        return found

    assert uvloop.run(work()) == [True] * STAND_BACKS + [False, False, True, False]


def test_a_loop_with_long_turns_takes_several_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> list[int]:
        async with two_workers(tmp_path) as workers:
            reception = workers.all[0].reception
            found = []
            for is_long in (False, True):
                clients = [socket.create_connection(workers.address) for _ in range(AT_ONCE + 4)]
                monkeypatch.setattr(reception, "_has_long_turns", lambda is_long=is_long: is_long)
                Tally(tmp_path / "connections", workers=2, index=1).show(AT_ONCE)
                before = len(reception._connecting)
                reception._come(reception.sockets[0])
                found.append(len(reception._connecting) - before)
                while sum(workers.counts) < len(clients):
                    await asyncio.sleep(0.01)
                for client in clients:
                    client.close()
                while sum(workers.counts):
                    await asyncio.sleep(0.01)
            return found

    assert uvloop.run(work()) == [1, AT_ONCE]


def test_a_turn_is_long_by_what_lies_between_two_who_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> list[bool]:
        reception = worker_with(0, in_use=0, folder=tmp_path)
        found = []
        with monkeypatch.context() as patched:
            for now in (100.0, 100.002, 100.022, 100.222):
                patched.setattr(reception, "_loop", SimpleNamespace(time=lambda now=now: now))
                found.append(reception._has_long_turns())
        await reception.go_deaf(for_all=False)
        return found

    assert uvloop.run(work()) == [False, False, True, False]


def test_connections_that_are_not_in_use_make_nobody_stand_back(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        neighbour = Tally(tmp_path / "connections", workers=2, index=1)
        reception = worker_with(10, in_use=2, folder=tmp_path)
        await asyncio.sleep(LOOKED_S)
        found = []
        for neighbours in (1, 2, 5):
            neighbour.show(neighbours)
            found.append(reception._stands_back())
        await reception.go_deaf(for_all=False)
        return found

    assert uvloop.run(work()) == [True, False, False]


@pytest.mark.parametrize(
    ("in_use", "elsewhere", "is_busy", "sent_away"),
    [(20, 4, True, 4), (20, 4, False, 0), (20, 10, True, 0), (2, 0, True, 1), (1, 0, True, 0), (9, ABSENT, True, 0)],
)
def test_a_busy_worker_with_far_more_connections_sends_some_away(
    tmp_path: Path, in_use: int, elsewhere: int, is_busy: bool, sent_away: int
) -> None:
    async def work() -> int:
        neighbour = Tally(tmp_path / "connections", workers=2, index=1)
        neighbour.show(elsewhere)
        reception = worker_with(30, in_use=in_use, folder=tmp_path, is_busy=is_busy)
        await asyncio.sleep(LOOKED_S)
        count = sum(reception.sends_away() for _ in range(10))
        await reception.go_deaf(for_all=False)
        return count

    assert uvloop.run(work()) == sent_away


def test_who_is_sent_away_has_an_answer_that_says_so(tmp_path: Path) -> None:
    async def work() -> list[bytes]:
        async with two_workers(tmp_path, is_busy=True) as workers:
            await workers.all[1].reception.go_deaf(for_all=False)
            async with connected(workers, 8) as pairs:
                Tally(tmp_path / "connections", workers=2, index=1).show(0)
                await asyncio.sleep(LOOKED_S)
                for _, writer in pairs:
                    writer.write(REQUEST)
                return [await reader.readuntil(b"\r\n\r\n") for reader, _ in pairs]

    answers = uvloop.run(work())
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
    assert sum(b"connection: close" in answer for answer in answers) == 2


@dataclass(eq=False)
class Seated:
    """A connection that has been quiet for so long."""

    quiet: float

    def quiet_s(self, now: float) -> float:
        return self.quiet

    def let_go(self, now: float) -> None:
        pass

    @property
    def is_to_ask(self) -> bool:
        return False


def worker_with(count: int, *, in_use: int, folder: Path, is_busy: bool = False) -> Reception:
    """Connections enough, of which some are in use."""
    connections = [Seated(0.0 if number < in_use else 2 * LOOK_S) for number in range(count)]
    server: Any = SimpleNamespace(started=False, server_state=SimpleNamespace(connections=connections))
    reception = Reception(server, Tally(folder / "connections", workers=2, index=0), worked_s=worked(is_busy))
    for connection in connections:
        reception.use(connection)
    return reception
