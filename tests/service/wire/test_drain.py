from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import uvloop

from service.wire.drain import LAST_READ_S, Drain
from tests.service.wire.uvicorns import REQUEST, Uvicorn, two_workers


async def ended(worker: Uvicorn) -> None:
    async with asyncio.timeout(20):
        while not worker.server.should_exit:
            await asyncio.sleep(0.01)


def test_a_connection_that_is_slow_to_send_its_first_request_is_answered(tmp_path: Path) -> None:
    async def work() -> tuple[list[bool], list[bytes]]:
        async with two_workers(tmp_path) as workers:
            last = workers.all[1]
            await workers.all[0].listener.stop_accepting(is_last=False)
            quiet, begun = [await asyncio.open_connection(*workers.address) for _ in range(2)]
            begun[1].write(REQUEST[:9])
            Drain(last.server, last.listener, seconds=0.0)._begin(signal.SIGTERM, None)
            await asyncio.sleep(1.5 * LAST_READ_S)
            ends = [last.server.should_exit]
            quiet[1].write(REQUEST)
            begun[1].write(REQUEST[9:])
            lines = [await reader.readline() for reader, _ in (quiet, begun)]
            await ended(last)
            for _, writer in (quiet, begun):
                writer.close()
            return [*ends, last.server.should_exit], lines

    assert uvloop.run(work()) == ([False, True], [b"HTTP/1.1 200 OK\r\n"] * 2)


def test_a_connection_without_a_request_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def work() -> bytes:
        async with two_workers(tmp_path) as workers:
            last = workers.all[1]
            await workers.all[0].listener.stop_accepting(is_last=False)
            last.server.config.timeout_keep_alive = 60
            reader, writer = await asyncio.open_connection(*workers.address)
            Drain(last.server, last.listener, seconds=0.0)._begin(signal.SIGTERM, None)
            await ended(last)
            await last.server.shutdown()
            heard = await reader.read()
            writer.close()
            return heard

    assert uvloop.run(work()) == b""
