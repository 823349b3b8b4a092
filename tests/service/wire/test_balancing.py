from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.wire.balancing import COUNT_S, Balancer
from service.wire.connection_counts import ABSENT, ConnectionCounts
from tests.service.wire.bounded import run
from tests.service.wire.uvicorns import REQUEST, connected, two_workers, worked


@dataclass(eq=False)
class Quiet:
    """A connection that has been quiet for so long."""

    seconds: float

    def quiet_s(self, now: float) -> float:
        return self.seconds


def balancer_with(count: int, *, in_use: int, folder: Path, is_busy: bool = False) -> Balancer:
    """The first of two workers, with open connections of which some were in use at the last count."""
    connections = [Quiet(0.0 if number < in_use else 2 * COUNT_S) for number in range(count)]
    counts = ConnectionCounts(folder / "connections", workers=2, index=0)
    balancer = Balancer(counts, connections, worked(is_busy))
    for connection in connections:
        balancer.use(connection)
    balancer.count_used()
    return balancer


def test_connections_are_in_use_while_they_have_requests_and_a_little_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> list[int]:
        async with two_workers(tmp_path) as workers:
            balancer = workers.all[0].balancer
            await workers.all[1].listener.stop_accepting(is_last=False)
            async with connected(workers, 8) as pairs:
                found = [balancer.count]
                for _ in range(2):
                    with monkeypatch.context() as later:  # all connections have been quiet for longer
                        later.setattr("service.wire.balancing.COUNT_S", 0.0)
                        balancer.count_used()
                    found.append(balancer.count)
                    for reader, writer in pairs:
                        writer.write(REQUEST)
                        await reader.readuntil(b"\r\n\r\n")
                    balancer.count_used()
                    found.append(balancer.count)
                return found

    assert run(work()) == [8, 0, 8, 0, 8]


def test_connections_are_counted_again_and_again(tmp_path: Path) -> None:
    async def work() -> None:
        connection = Quiet(0.0)
        counts = ConnectionCounts(tmp_path / "connections", workers=2, index=0)
        balancer = Balancer(counts, [connection], worked(False))
        balancer.use(connection)
        while balancer.count != 1:
            await asyncio.sleep(0.01)
        connection.seconds = 2 * COUNT_S
        while balancer.count != 0:
            await asyncio.sleep(0.01)

    run(work())


@pytest.mark.parametrize(
    ("in_use", "elsewhere", "is_busy", "closed"),
    [(20, 4, True, 4), (20, 4, False, 0), (20, 10, True, 0), (2, 0, True, 1), (1, 0, True, 0), (9, ABSENT, True, 0)],
)
def test_a_busy_worker_with_far_more_connections_closes_some(
    tmp_path: Path, in_use: int, elsewhere: int, is_busy: bool, closed: int
) -> None:
    async def work() -> int:
        neighbour = ConnectionCounts(tmp_path / "connections", workers=2, index=1)
        balancer = balancer_with(30, in_use=in_use, folder=tmp_path, is_busy=is_busy)
        neighbour.show(elsewhere)
        balancer.count_used()
        return sum(balancer.should_close() for _ in range(10))

    assert run(work()) == closed


def test_the_answer_that_closes_a_connection_says_so(tmp_path: Path) -> None:
    async def work() -> list[bytes]:
        async with two_workers(tmp_path, is_busy=True) as workers:
            await workers.all[1].listener.stop_accepting(is_last=False)
            async with connected(workers, 8) as pairs:
                ConnectionCounts(tmp_path / "connections", workers=2, index=1).show(0)
                workers.all[0].balancer.count_used()
                for _, writer in pairs:
                    writer.write(REQUEST)
                return [await reader.readuntil(b"\r\n\r\n") for reader, _ in pairs]

    answers = run(work())
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
    assert sum(b"connection: close" in answer for answer in answers) == 2
