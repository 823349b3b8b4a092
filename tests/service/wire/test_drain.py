from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are another package
import pytest

from service.host.process import running_server
from service.wire.drain import LAST_READ_S, Drain
from tests.service.conftest import put_in_service, server_config
from tests.service.wire.bounded import run
from tests.service.wire.uvicorns import REQUEST, Uvicorn, two_workers
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(40, seed=12)]


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

    assert run(work()) == ([False, True], [b"HTTP/1.1 200 OK\r\n"] * 2)


def test_a_connection_without_a_request_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def work() -> bytes:
        async with two_workers(tmp_path) as workers:
            last = workers.all[1]
            await workers.all[0].listener.stop_accepting(is_last=False)
            reader, writer = await asyncio.open_connection(*workers.address)
            Drain(last.server, last.listener, seconds=0.0)._begin(signal.SIGTERM, None)
            await ended(last)
            await last.server.shutdown()
            received = await reader.read()
            writer.close()
            return received

    assert run(work()) == b""


@pytest.mark.slow
@pytest.mark.parametrize("to_all", [False, True])  # as systemd does
def test_sigterm_under_load_loses_no_request(tmp_path: Path, tiny_package: Path, to_all: bool) -> None:
    config = server_config(tmp_path)
    config = config.model_copy(update={"service": config.service.model_copy(update={"drain_s": 1.0})})
    put_in_service(config, tiny_package)
    seen: list[object] = []
    over = threading.Event()

    def ask(url: str, *, kept_alive: bool) -> None:
        body = {"texts": TEXTS[:3]}
        with httpx.Client(base_url=url, timeout=20) as client:
            while not over.is_set():
                try:
                    post = client.post if kept_alive else httpx.post
                    seen.append(post("/predict" if kept_alive else f"{url}/predict", json=body).status_code)
                except httpx.ConnectError:
                    return
                except httpx.HTTPError as error:
                    seen.append(repr(error))

    with running_server(config, log=tmp_path / "server.log") as url:
        main = psutil.Process().children(recursive=True)
        master = next(
            child for child in main if "serve" in child.cmdline() and str(config.service.port) in child.cmdline()
        )
        askers = [threading.Thread(target=ask, args=(url,), kwargs={"kept_alive": i % 2 == 0}) for i in range(6)]
        for asker in askers:
            asker.start()
        time.sleep(1)
        for process in [master, *(master.children(recursive=True) if to_all else ())]:
            process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert master.wait(20) in (0, None)
        over.set()
        for asker in askers:
            asker.join()
    assert set(seen) == {200}
    assert len(seen) > 20
