from __future__ import annotations

import asyncio
from pathlib import Path

from tests.service.wire.bounded import run
from tests.service.wire.uvicorns import REQUEST, connected, two_workers


def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    async def work() -> list[bytes]:
        async with two_workers(tmp_path, keep_alive_s=1) as workers, connected(workers, 2) as (silent, asked):
            asked[1].write(REQUEST)
            await asked[0].readuntil(b"\r\n\r\n")
            async with asyncio.timeout(10):
                return [await silent[0].read(), await asked[0].read()]

    assert run(work()) == [b"", b""]
