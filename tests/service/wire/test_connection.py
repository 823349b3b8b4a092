"""Connections of the real server: requests that are cut or dropped, and how it stops."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are another package
import pytest

from core.registry import open_registry
from service.host.process import ROOT, running_server, server_environment
from tests.service.conftest import server_config
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(40, seed=12)]


def connected(server: str) -> socket.socket:
    address = urlsplit(server)
    return socket.create_connection((str(address.hostname), address.port or 0), timeout=10)


def answer_to(connection: socket.socket) -> tuple[int, dict[str, object]]:
    head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


def request(body: bytes, *, length: int | None = None) -> bytes:
    head = (
        f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length or len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


def test_a_head_that_stops_is_408_within_a_second(server: str) -> None:
    with connected(server) as connection:
        started = time.monotonic()
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n")
        status, error = answer_to(connection)
    assert (status, error["code"]) == (408, "head_too_slow")
    assert time.monotonic() - started < 1.5


def test_a_head_that_drips_is_cut(server: str) -> None:
    with connected(server) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        connection.settimeout(0.2)
        for _ in range(50):
            connection.sendall(b"X: y\r\n")
            try:
                answer = connection.recv(1000)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_head_without_end_is_431(server: str) -> None:
    with connected(server) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nX: " + b"y" * 20_000)
        status, error = answer_to(connection)
    assert (status, error["code"]) == (431, "head_too_large")


def test_an_error_of_a_head_below_v2_is_flat(server: str) -> None:
    for request in (
        b"GET /v2/health/live HTTP/1.1\r\n\r\n",
        b"GET /v2/models/x HTTP/1.1\r\nX: " + b"y" * 20_000,
        b"FOO /v2/models/x HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with connected(server) as connection:
            connection.sendall(request)
            answer = json.loads(connection.makefile("rb").read().partition(b"\r\n\r\n")[2])
        assert isinstance(answer["error"], str)
        assert answer["code"] in ("malformed_request", "head_too_large")


def test_bytes_that_are_no_http_are_400(server: str) -> None:
    with connected(server) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n")
        status, error = answer_to(connection)
    assert (status, error["code"]) == (400, "malformed_request")


def test_a_body_that_ends_with_the_connection_is_400(server: str) -> None:
    with connected(server) as connection:
        connection.sendall(request(b'{"texts": ["a"]}', length=500))
        connection.shutdown(socket.SHUT_WR)
        status, error = answer_to(connection)
    assert (status, error["code"]) == (400, "body_cut")


def test_requests_in_one_packet_are_answered_in_order(server: str) -> None:
    body = json.dumps({"texts": TEXTS[:1]}).encode()
    last = request(body).replace(b"Host: x", b"Host: x\r\nConnection: close")
    with connected(server) as connection:
        connection.sendall(request(b"{}") + request(body) + last)
        received = connection.makefile("rb").read()
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"400", b"200", b"200"]


@pytest.mark.slow
@pytest.mark.parametrize("to_all", [False, True])  # as systemd does
def test_sigterm_under_load_loses_no_request(tmp_path: Path, tiny_package: Path, to_all: bool) -> None:
    config = server_config(tmp_path)
    config = config.model_copy(update={"service": config.service.model_copy(update={"drain_s": 1.0})})
    registry = open_registry(config)
    registry.promote("tickets", registry.add(tiny_package, "tickets"))
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


@pytest.mark.slow
@pytest.mark.parametrize("is_early", [False, True])
def test_in_a_container_a_lost_worker_ends_the_server(tmp_path: Path, tiny_package: Path, is_early: bool) -> None:
    config = server_config(tmp_path)
    registry = open_registry(config)
    registry.promote("tickets", registry.add(tiny_package, "tickets"))
    # As an image starts it without us: there nobody takes the variable away.
    environment = {**server_environment(config), "BENTOML_CONTAINERIZED": "1"}
    command = [sys.executable, "-m", "bentoml", "serve", "service.gateway:Gateway"]
    command += ["--working-dir", str(ROOT), "--host", "127.0.0.1", "--port", str(config.service.port)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{config.service.port}"
    try:
        deadline = time.monotonic() + 30
        while not (len(workers_of(server.pid)) == 2 if is_early else is_ready(url)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
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
    registry = open_registry(config)
    registry.promote("tickets", registry.add(tiny_package, "tickets"))
    with running_server(config, log=tmp_path / "server.log") as url:
        deadline = time.monotonic() + 30
        while not is_ready(url):  # one worker answers, perhaps before the other one is there
            assert time.monotonic() < deadline
            time.sleep(0.1)
        workers = [psutil.Process(entry["pid"]) for entry in httpx.get(f"{url}/admin/models/tickets").json()["workers"]]
        assert len(workers) == 2
        workers[0].parent().kill()
        _, alive = psutil.wait_procs(workers, timeout=15)
    assert alive == []


def workers_of(pid: int) -> list[int]:
    children = psutil.Process(pid).children()
    return [child.pid for child in children if "_bentoml_impl.worker.service" in child.cmdline()]


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
