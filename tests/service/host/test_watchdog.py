from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are another package
import pytest

from service.host.process import ROOT, running_server, server_environment
from service.host.watchdog import TIMES, Watchdog
from tests.service.conftest import is_ready, put_in_service, server_config, wait_until


def test_a_worker_that_stays_missing_is_lost() -> None:
    counts = iter([2, *[1] * TIMES])
    watchdog = Watchdog(2, count=lambda: next(counts), end=lambda: None)
    assert [watchdog.look() for _ in range(1 + TIMES)] == [False] * TIMES + [True]


def test_a_worker_missing_from_the_first_count_is_lost() -> None:
    watchdog = Watchdog(2, count=lambda: 1, end=lambda: None)
    assert [watchdog.look() for _ in range(TIMES)] == [False] * (TIMES - 1) + [True]


def test_a_worker_that_comes_back_is_not_lost() -> None:
    counts = iter([2, 1, 1, 2, 1, 1])
    watchdog = Watchdog(2, count=lambda: next(counts), end=lambda: None)
    assert not any(watchdog.look() for _ in range(6))


def test_the_watchdog_goes_on_after_a_failed_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.host.watchdog.PAUSE_S", 0.01)
    counts: Iterator[int | OSError] = iter([2, OSError(24, "Too many open files"), *[1] * TIMES])
    ended = threading.Event()

    def count() -> int:
        counted = next(counts)
        if isinstance(counted, OSError):
            raise counted
        return counted

    Watchdog(2, count=count, end=ended.set).start()
    assert ended.wait(10)


@pytest.mark.slow
@pytest.mark.parametrize("is_early", [False, True])
def test_in_a_container_a_lost_worker_ends_the_server(tmp_path: Path, tiny_package: Path, is_early: bool) -> None:
    config = server_config(tmp_path)
    put_in_service(config, tiny_package)
    # As an image starts it without us: there nobody takes the variable away.
    environment = {**server_environment(config), "BENTOML_CONTAINERIZED": "1"}
    command = [sys.executable, "-m", "bentoml", "serve", "service.gateway:Gateway"]
    command += ["--working-dir", str(ROOT), "--host", "127.0.0.1", "--port", str(config.service.port)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{config.service.port}"
    try:
        wait_until(lambda: len(workers_of(server.pid)) == 2 if is_early else is_ready(url))
        os.kill(workers_of(server.pid)[0], signal.SIGKILL)
        server.wait(15)
    finally:
        for process in [*psutil.Process(os.getpid()).children(recursive=True)]:
            if str(config.service.port) in " ".join(process.cmdline()):
                process.kill()
        server.wait(5)


@pytest.mark.slow
def test_workers_end_with_their_parent(tmp_path: Path, tiny_package: Path) -> None:
    config = server_config(tmp_path)
    put_in_service(config, tiny_package)
    with running_server(config, log=tmp_path / "server.log") as url:
        wait_until(lambda: is_ready(url))  # one worker answers, perhaps before the other one is there
        workers = [psutil.Process(entry["pid"]) for entry in httpx.get(f"{url}/admin/models/tickets").json()["workers"]]
        assert len(workers) == 2
        workers[0].parent().kill()
        _, alive = psutil.wait_procs(workers, timeout=15)
    assert alive == []


def workers_of(pid: int) -> list[int]:
    children = psutil.Process(pid).children()
    return [child.pid for child in children if "_bentoml_impl.worker.service" in child.cmdline()]
