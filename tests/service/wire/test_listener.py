from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from service.wire.accept_policy import AT_ONCE, LEAD
from service.wire.connection_counts import ConnectionCounts
from tests.service.wire.bounded import run
from tests.service.wire.uvicorns import REQUEST, connected, two_workers


def test_workers_share_a_burst_of_connections(tmp_path: Path) -> None:
    async def work() -> list[int]:
        async with two_workers(tmp_path) as workers, connected(workers, 40):
            return workers.counts

    assert min(run(work())) > 15


def test_connections_are_answered_and_counted_until_they_end(tmp_path: Path) -> None:
    async def work() -> tuple[list[bytes], list[int | None]]:
        third = ConnectionCounts(tmp_path / "connections", workers=3, index=2)
        async with two_workers(tmp_path) as workers:
            async with connected(workers, 4) as pairs:
                await asyncio.sleep(0.05)  # until the handshakes have ended
                fewest = [third.fewest_elsewhere()]
                for _, writer in pairs:
                    writer.write(REQUEST)
                lines = [await reader.readline() for reader, _ in pairs]
            while sum(workers.counts):
                await asyncio.sleep(0.01)
            return lines, [*fewest, third.fewest_elsewhere()]

    assert run(work()) == ([b"HTTP/1.1 200 OK\r\n"] * 4, [2, 0])


def test_a_worker_that_accepts_no_more_is_not_counted(tmp_path: Path) -> None:
    async def work() -> list[int | None]:
        third = ConnectionCounts(tmp_path / "connections", workers=3, index=2)
        async with two_workers(tmp_path) as workers, connected(workers, 6):
            await workers.all[0].listener.stop_accepting(is_last=False)
            found = [third.fewest_elsewhere()]
            workers.all[1].server.servers[0].close()  # as uvicorn does when it ends
            return [*found, third.fewest_elsewhere()]

    assert run(work()) == [3, None]


def test_the_last_worker_accepts_waiting_connections_and_then_refuses(tmp_path: Path) -> None:
    async def work() -> tuple[bytes, bool]:
        async with two_workers(tmp_path) as workers:
            first, last = (worker.listener for worker in workers.all)
            await first.stop_accepting(is_last=False)
            waiting = socket.create_connection(workers.address)  # no worker has had a turn to accept it
            await last.stop_accepting(is_last=True)
            reader, writer = await asyncio.open_connection(sock=waiting)
            writer.write(REQUEST)
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            with socket.socket() as late:
                return line, late.connect_ex(workers.address) == 0

    assert run(work()) == (b"HTTP/1.1 200 OK\r\n", False)


def test_a_loop_with_long_turns_accepts_several_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> list[int]:
        async with two_workers(tmp_path) as workers:
            listener = workers.all[0].listener
            found = []
            for burst in ((1, 0), (AT_ONCE, LEAD)):
                clients = [socket.create_connection(workers.address) for _ in range(AT_ONCE + 4)]
                monkeypatch.setattr(listener._policy, "burst", lambda burst=burst: burst)
                ConnectionCounts(tmp_path / "connections", workers=2, index=1).show(AT_ONCE)
                before = len(listener._connecting)
                listener._accept(listener.sockets[0])
                found.append(len(listener._connecting) - before)
                while sum(workers.counts) < len(clients):
                    await asyncio.sleep(0.01)
                for client in clients:
                    client.close()
                while sum(workers.counts):
                    await asyncio.sleep(0.01)
            return found

    assert run(work()) == [1, AT_ONCE]
