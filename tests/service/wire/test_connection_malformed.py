"""The real server answers malformed requests at once, in its own form, and goes on."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from core.config import Config
from service.telemetry.metrics import UPDATE_INTERVAL_S
from tests.service.wire.malformed import GROUPS, LOG_IN, PREDICT, SECRET, Case, head, post

CONNECTIONS = 24
# `service.stall_s`, and what a machine adds that others use as well.
IN_TIME_S = 1.0
PATIENCE_S = 4.0
PATHS = 10_000
IN_ONE_GO = 50


@dataclass(frozen=True)
class Answer:
    """What came, and how long after the last byte was sent; status 0: nothing that is an answer."""

    case: Case
    status: int
    media_type: str
    body: bytes
    seconds: float


def address_of(server: str) -> tuple[str, int]:
    address = urlsplit(server)
    return str(address.hostname), address.port or 0


def asked(server: str, case: Case) -> Answer:
    with socket.create_connection(address_of(server), timeout=PATIENCE_S) as connection:
        with suppress(OSError):  # it may answer before it has all, and hang up
            connection.sendall(case.sent)
            if case.half_closes:
                connection.shutdown(socket.SHUT_WR)
        started = time.perf_counter()
        answer = http.client.HTTPResponse(connection)
        status, media_type, body = 0, "", b""
        with suppress(OSError, http.client.HTTPException):
            answer.begin()
            body = answer.read()
            status, media_type = answer.status, answer.headers.get_content_type()
        return Answer(case, status, media_type, body, time.perf_counter() - started)


def has_form(answer: Answer) -> bool:
    """Whether a refusal looks as docs/http.md says."""
    if answer.media_type == "text/html":
        return answer.case.path.startswith(LOG_IN) and answer.body.startswith(b"<!doctype html>")
    try:
        content = json.loads(answer.body)
        error = content if answer.case.path.startswith(b"/v2") else content["error"]
        keys = {"error", "code", "request_id"} if error is content else {"code", "message", "request_id"}
        return error.keys() == keys and all(isinstance(value, str) for value in error.values())
    except (ValueError, KeyError, AttributeError):
        return False


@dataclass(frozen=True)
class Round:
    """A group of cases, its answers, and what the server wrote into its log meanwhile."""

    answers: list[Answer]
    log: str

    def where(self, is_wrong: Callable[[Answer], bool]) -> list[tuple[str, int, bytes]]:
        """The answers that break a claim, short enough to read."""
        return [(answer.case.name, answer.status, answer.body[:200]) for answer in self.answers if is_wrong(answer)]


@pytest.fixture(scope="module", params=GROUPS)
def exchange(request: pytest.FixtureRequest, server: str, served_config: Config) -> Round:
    log = served_config.home / "server.log"
    seen = log.stat().st_size
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(lambda case: asked(server, case), GROUPS[request.param]))
    return Round(answers, log.read_bytes()[seen:].decode(errors="replace"))


def test_each_is_answered_as_a_mistake_of_the_client(exchange: Round) -> None:
    assert exchange.where(lambda answer: not 400 <= answer.status < 500) == []


def test_each_is_answered_in_time(exchange: Round) -> None:
    slow = [(answer.case.name, answer.seconds) for answer in exchange.answers if answer.seconds > IN_TIME_S]
    assert slow == []


def test_each_answer_has_the_documented_form(exchange: Round) -> None:
    assert exchange.where(lambda answer: not has_form(answer)) == []


def test_no_answer_repeats_what_was_sent(exchange: Round) -> None:
    assert exchange.where(lambda answer: SECRET in answer.body) == []


def test_the_log_has_neither_traceback_nor_text(exchange: Round) -> None:
    assert "Traceback" not in exchange.log
    assert SECRET.decode() not in exchange.log


def test_the_server_goes_on(exchange: Round, server: str) -> None:
    answers = [httpx.post(f"{server}/predict", json={"texts": ["my invoice"]}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4


def test_the_corpus_is_large_and_each_case_has_its_own_name() -> None:
    names = [case.name for cases in GROUPS.values() for case in cases]
    assert len(names) >= 300
    assert len(set(names)) == len(names)


def test_a_head_that_is_too_large_is_told_so_even_in_one_piece(server: str) -> None:
    for sent in (head(PREDICT, b"X-Text: " + b"a" * 17_000), head(PREDICT + b"?" + b"a" * 17_000)):
        assert asked(server, Case("large", sent)).status == 431


def test_a_request_before_garbage_is_answered(server: str) -> None:
    sent = post(PREDICT, b'{"texts": ["my invoice"]}') + b"\xff" * 100
    assert {asked(server, Case("garbage behind", sent)).status for _ in range(10)} == {200}


def test_an_upgrade_to_another_protocol_is_answered_and_ends_the_connection(server: str) -> None:
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ")
    sent = post(PREDICT, b'{"texts": ["my invoice"]}', *offer)
    for pieces in ([sent], [sent + b"\xff"], [sent + sent], [sent[:-9], sent[-9:]]):
        with socket.create_connection(address_of(server), timeout=PATIENCE_S) as connection:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05)
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.count(b"HTTP/1.1") == 1
        assert b"\r\nconnection: close\r\n" in answer


def test_random_paths_do_not_make_metrics_grow(server: str) -> None:
    chance = random.Random(8)
    families = (b"/", b"/models/", b"/v2/", b"/v2/models/", b"/admin/models/", b"/dashboard/")
    paths = [families[number % len(families)] + chance.randbytes(8).hex().encode() for number in range(PATHS)]
    ask_for_all(server, paths[: len(families)])
    before = metric_lines(server)
    ask_for_all(server, paths)
    assert metric_lines(server) <= before + 20


def metric_lines(server: str) -> int:
    """Once every worker has counted what it noted."""
    time.sleep(2 * UPDATE_INTERVAL_S)
    return len(httpx.get(f"{server}/metrics").text.splitlines())


def ask_for_all(server: str, paths: list[bytes]) -> None:
    """Over one connection, many at a time; returns when the last is answered."""
    with socket.create_connection(address_of(server), timeout=PATIENCE_S) as connection:
        for start in range(0, len(paths), IN_ONE_GO):
            some = paths[start : start + IN_ONE_GO]
            connection.sendall(b"".join(head(path, method=b"GET") for path in some))
            seen = b""
            while seen.count(b"HTTP/1.1 4") < len(some):
                seen += connection.recv(1 << 16)
