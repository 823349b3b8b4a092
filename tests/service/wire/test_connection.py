"""Connections of the real server: requests that are cut or dropped."""

from __future__ import annotations

import json
import re
import socket
from urllib.parse import urlsplit

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


def test_a_head_that_stops_is_408(server: str) -> None:
    with connected(server) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n")
        status, error = answer_to(connection)
    assert (status, error["code"]) == (408, "head_too_slow")


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
