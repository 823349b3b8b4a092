from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import httpx
import pytest

from service.host.process import ServerProcess
from service.telemetry.logs import QUEUE_SIZE, LogThread
from tests.service.conftest import put_in_service, server_config


def fill(pipe: int) -> None:
    """Write until the pipe is full."""
    os.set_blocking(pipe, False)
    with suppress(BlockingIOError):
        while True:
            os.write(pipe, b"x")
    os.set_blocking(pipe, True)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    yield ends
    for end in ends:
        os.close(end)


class Silent(logging.StreamHandler[TextIO]):
    """Does not print errors about the closed pipe."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def test_logging_to_a_full_pipe_does_not_block(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    fill(pipe[1])
    logger, drops = logging.Logger("stuck"), list[int]()
    stream = os.fdopen(os.dup(pipe[1]), "w", buffering=1)
    logger.addHandler(Silent(stream))
    monkeypatch.setattr("service.telemetry.logs._all_loggers", lambda: [logger])
    monkeypatch.setattr("atexit.register", lambda _: None)
    thread = LogThread(on_drop=lambda: drops.append(1))
    thread.start()
    for number in range(QUEUE_SIZE + 10):
        logger.warning("line %d", number)
    assert len(drops) == 10
    assert not thread.flush()
    with open(os.devnull, "rb") as nothing:  # breaks the pipe; the thread must go on
        os.dup2(nothing.fileno(), pipe[0])
    assert thread.flush()
    with suppress(OSError):
        stream.close()


def test_lines_reach_their_handler(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.Logger("test")
    logger.addHandler(caplog.handler)
    monkeypatch.setattr("service.telemetry.logs._all_loggers", lambda: [logger])
    monkeypatch.setattr("atexit.register", lambda _: None)
    thread = LogThread()
    thread.start()
    logger.warning("line %d", 1)
    assert thread.flush()
    assert caplog.messages == ["line 1"]


@pytest.mark.slow
def test_a_full_log_pipe_does_not_keep_the_server_from_stopping(
    tmp_path: Path, tiny_package: Path, pipe: tuple[int, int]
) -> None:
    config = server_config(tmp_path)
    put_in_service(config, tiny_package)
    reading, writing = pipe
    with os.fdopen(os.dup(writing), "wb") as log:
        server = ServerProcess(config, log=log)
    try:
        with httpx.Client(base_url=server.url, timeout=10) as client:
            read_until_ready(reading, client)
            fill(writing)
            assert client.post("/predict", json={"texts": ["my invoice"]}).status_code == 200
            server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    finally:
        server.stop()


def read_until_ready(pipe: int, client: httpx.Client) -> None:
    os.set_blocking(pipe, False)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            os.read(pipe, 65_536)
        with suppress(httpx.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.05)
    raise TimeoutError("the server is not ready")
