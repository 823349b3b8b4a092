"""The real server: BentoML with two workers and sockets."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from core.config import Config
from core.registry import open_registry
from service.telemetry.metrics import UPDATE_INTERVAL_S
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(20, seed=8)]


@pytest.fixture
def http(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=20) as client:
        yield client


def raw(server: str, request: bytes, *, rest: bytes = b"", timeout_s: float = 10) -> tuple[int, dict[str, object]]:
    """Status and error of the answer to raw bytes; `rest` is sent half a second later."""
    address = urlsplit(server)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=timeout_s) as connection:
        connection.sendall(request)
        if rest:
            time.sleep(0.5)
            connection.sendall(rest)
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def test_probes_answer_in_json(http: httpx.Client) -> None:
    assert http.get("/livez").json() == {"status": "alive"}
    assert http.get("/readyz").json() == {"status": "ready"}


def test_no_route_of_bentoml_is_reachable(http: httpx.Client) -> None:
    for path in ("/healthz", "/static_content/index.css", "/assets/x", "/docs"):
        answer = http.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert http.post("/livez").json()["error"]["code"] == "method_not_allowed"
    assert "bentoml" not in http.get("/metrics").text


def test_a_pickled_body_is_refused(http: httpx.Client) -> None:
    headers = {"Content-Type": "application/vnd.bentoml+pickle"}
    assert http.post("/predict", content=b"\x80\x04.", headers=headers).status_code == 415


def test_a_large_body_sent_at_once_is_413(server: str) -> None:
    size = 2_000_000
    status, error = raw(server, post("/predict", f"Content-Length: {size}", body=b"x" * size))
    assert (status, error["code"]) == (413, "body_too_large")


def test_a_large_chunked_body_is_413(server: str) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    status, error = raw(server, post("/predict", "Transfer-Encoding: chunked", body=chunk * 6 + b"0\r\n\r\n"))
    assert (status, error["code"]) == (413, "body_too_large")


def test_a_large_body_at_an_unknown_path_gets_its_answer(server: str) -> None:
    size = 5_000_000
    status, error = raw(server, post("/nope", f"Content-Length: {size}", body=b"x" * size))
    assert (status, error["code"]) == (404, "not_found")


def test_an_incomplete_body_is_408(server: str) -> None:
    status, error = raw(server, post("/predict", "Content-Length: 100", body=b'{"texts"'))
    assert (status, error["code"]) == (408, "body_too_slow")


def test_a_body_in_two_parts_is_read_whole(server: str) -> None:
    body = b'{"texts": 5}'
    request = post("/predict", f"Content-Length: {len(body)}", body=body[:4])
    assert raw(server, request, rest=body[4:])[1]["code"] == "invalid_body"


def test_feedback_finds_predictions_of_every_worker(http: httpx.Client, server: str) -> None:
    for text in TEXTS[:6]:
        # A new connection each time: another worker may accept it.
        answer = httpx.post(f"{server}/predict", json={"texts": [text]}).json()
        item = {"prediction_id": answer["predictions"][0]["id"], "label": "bug"}
        assert httpx.post(f"{server}/feedback", json={"feedback": [item]}).json() == {
            "accepted": 1,
            "unknown": [],
            "doubtful": [],
            "cannot_tell": 0,
        }


def test_every_worker_shows_the_metrics_of_all_workers(http: httpx.Client, server: str) -> None:
    def answered() -> float:
        page = httpx.get(f"{server}/metrics").text
        return sum(float(value) for value in re.findall(r"^retune_predictions_total\{.*\} (\S+)$", page, re.M))

    time.sleep(2 * UPDATE_INTERVAL_S)
    before = answered()
    for text in TEXTS[:10]:
        httpx.post(f"{server}/predict", json={"texts": [text]})
    time.sleep(2 * UPDATE_INTERVAL_S)
    assert {answered() for _ in range(6)} == {before + 10}


def test_admin_shows_the_champion_of_each_worker(http: httpx.Client) -> None:
    status = http.get("/admin/models/tickets").json()
    assert [worker["version"] for worker in status["workers"]] == [status["champion"]["version"]] * 2


def test_no_request_fails_during_a_swap_under_load(server: str, served_config: Config, second_package: Path) -> None:
    registry = open_registry(served_config)
    version = registry.add(second_package, "tickets")
    stop = threading.Event()

    def ask() -> list[tuple[int, str]]:
        seen = []
        with httpx.Client(base_url=server, timeout=20) as client:
            while not stop.is_set():
                answer = client.post("/predict", json={"texts": TEXTS[:4]})
                seen.append((answer.status_code, answer.json().get("version", "")))
        return seen

    with ThreadPoolExecutor(4) as pool:
        loops = [pool.submit(ask) for _ in range(4)]
        time.sleep(0.3)
        for target in (version, "1", version):
            registry.promote("tickets", target)
            time.sleep(0.7)
        stop.set()
        seen = [loop.result() for loop in loops]
    assert {status for loop in seen for status, _ in loop} == {200}
    assert {loop[-1][1] for loop in seen} == {version}
    assert {answered for loop in seen for _, answered in loop} == {"1", version}


def test_predictions_are_answered_while_the_ledger_is_locked(http: httpx.Client, served_config: Config) -> None:
    http.post("/predict", json={"texts": TEXTS[:1]})
    time.sleep(0.5)
    lock = sqlite3.connect(served_config.home / "ledger.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        answers = [http.post("/predict", json={"texts": TEXTS}) for _ in range(5)]
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    assert {answer.status_code for answer in answers} == {200}
