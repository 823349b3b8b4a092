"""Byte sequences in random pieces: the answers are those of one whole read, whatever the pieces are."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from service.wire.connection import Connection
from service.wire.states import CLOSING, FINISHING, IDLE, NEW, WAITING
from tests.service.wire.bounded import run
from tests.service.wire.echo_server import BODY, PROBE, EchoServer, post
from tests.service.wire.transports import MemoryTransport

SPLITS = 40
# In place of the status of a further answer: the server closes the connection.
CLOSED = 0
ID = re.compile(rb'(x-request-id: |"request_id":\s*")[^"\r]*')
CLOSE = "Connection: close"
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ")
CHUNKED = post().replace(b"Content-Length: 25", b"Transfer-Encoding: chunked")
CHUNKS = b"5\r\n" + BODY[:5] + b"\r\n14;x=y\r\n" + BODY[5:] + b"\r\n0\r\n"
UNREAD = post("/brief").replace(b"POST", b"GET")
LONG = b"X-Long: " + b"y" * 10_000 + b"\r\n"
TALL = CHUNKED.replace(b"\r\n\r\n", b"\r\n" + LONG + b"\r\n")
LARGE = post(length=20_000) + b" " * 20_000


@dataclass(frozen=True)
class Replay:
    """`ends`: the client says that no more will come. `statuses` are those of one whole read."""

    sent: bytes
    statuses: list[int]
    is_full: bool = False
    ends: bool = False


REPLAYS = {
    "a probe": Replay(PROBE, [200]),
    "empty lines before requests": Replay(b"\r\n\r\n" + PROBE + b"\r\n" + PROBE, [200, 200]),
    "HTTP/1.0": Replay(PROBE.replace(b"1.1", b"1.0") + PROBE, [200, CLOSED]),
    "a body": Replay(post() + BODY, [200]),
    "chunks and trailers": Replay(CHUNKED + CHUNKS + b"X-Trailer: a\r\n\r\n" + PROBE, [200, 200]),
    "large trailers behind a large head": Replay(TALL + CHUNKS + LONG + b"\r\n" + PROBE, [200, 200]),
    "a body that is waited for": Replay(post("/predict", "Expect: 100-continue") + BODY, [100, 200]),
    "requests one behind the other": Replay((PROBE + post() + BODY + LARGE) * 3, [200] * 9),
    "a request behind the last one": Replay(post("/predict", CLOSE) + BODY + PROBE, [200, CLOSED]),
    "large bodies": Replay(LARGE + LARGE + PROBE, [200, 200, 200]),
    "a body that the app does not read": Replay(UNREAD + BODY + PROBE, [200, 200]),
    "an unknown path": Replay(post("/nothing") + BODY + PROBE, [404, 200]),
    "a body of another type": Replay(post().replace(b"json", b"xml") + BODY + PROBE, [415, 200]),
    "a body that is too large": Replay(post(length=60_000) + b" " * 60_000 + PROBE, [413, CLOSED]),
    "an upgrade": Replay(post("/predict", *H2C) + BODY, [200, CLOSED]),
    "an upgrade without a body": Replay(PROBE.replace(b"Host", "\r\n".join(H2C).encode() + b"\r\nHost"), [200, CLOSED]),
    "requests behind an upgrade": Replay(post("/predict", *H2C) + BODY + PROBE + PROBE, [200, CLOSED]),
    "no HTTP": Replay(b"\x16\x03\x01\x02\x00\x01\x00" + bytes(100), [400, CLOSED]),
    "a wrong method": Replay(b"FOO /livez HTTP/1.1\r\nHost: x\r\n\r\n", [400, CLOSED]),
    "a second host": Replay(PROBE.replace(b"Host: x", b"Host: x\r\nHost: y"), [400, CLOSED]),
    "another version": Replay(PROBE.replace(b"1.1", b"2.0"), [400, CLOSED]),
    "a large head": Replay(PROBE.replace(b"Host: x", b"Host: x\r\nX-Large: " + b"y" * 20_000), [431, CLOSED]),
    "a large target": Replay(PROBE.replace(b"livez", b"y" * 20_000), [431, CLOSED]),
    "trailers that are too large": Replay(CHUNKED + CHUNKS + b"X-Trailer: a\r\n" * 2000, [400, CLOSED]),
    "a wrong chunk": Replay(CHUNKED + b"5\r\n" + BODY[:5] + b"zz\r\n", [400, CLOSED]),
    "half a head": Replay(PROBE[:20], [400, CLOSED], ends=True),
    "half a body": Replay(post() + BODY[:9], [400, CLOSED], ends=True),
    "half a chunk": Replay(CHUNKED + CHUNKS[:9], [400, CLOSED], ends=True),
    "refusals": Replay((post() + BODY) * 3 + PROBE, [429, 429, 429, 200], is_full=True),
    "a refusal of chunks": Replay((CHUNKED + CHUNKS + b"\r\n") * 2, [429, 429], is_full=True),
    "a last refusal": Replay(post("/predict", CLOSE) + BODY + PROBE, [429, CLOSED], is_full=True),
    "a refusal of HTTP/1.0": Replay(post().replace(b"1.1", b"1.0") + BODY + PROBE, [429, CLOSED], is_full=True),
    "a refusal of HTTP/1.0 that asks for more": Replay(
        post("/predict", "Connection: keep-alive").replace(b"1.1", b"1.0") + BODY + PROBE, [429, CLOSED], is_full=True
    ),
    "a refusal instead of 100 Continue": Replay(post("/predict", "Expect: 100-continue"), [429, CLOSED], is_full=True),
    "a refusal of an upgrade": Replay(post("/predict", *H2C) + BODY, [429, CLOSED], is_full=True),
    "a refusal behind an answer": Replay(PROBE + post() + BODY + PROBE, [200, 429, 200], is_full=True),
    "a refusal with large trailers": Replay(TALL + CHUNKS + LONG + b"\r\n" + PROBE, [429, 200], is_full=True),
    "garbage behind a refusal": Replay(post() + BODY + b"\xff\xff\r\n", [429, 400, CLOSED], is_full=True),
    "a wrong chunk after a refusal": Replay(CHUNKED + b"zz\r\n", [429, CLOSED], is_full=True),
}
# One read finds the error while the request before it waits for its answer, which is then the last. Pieces may find it
# later, so that it has an answer of its own.
ERRORS_BEHIND = {
    "garbage": Replay(post() + BODY + b"\xff" * 9, [200, CLOSED]),
    "a second host": Replay(post() + BODY + PROBE.replace(b"Host: x", b"Host: x\r\nHost: y"), [200, CLOSED]),
    "a large head": Replay(post() + BODY + PROBE.replace(b"Host: x", b"Host: x\r\nX: " + b"y" * 20_000), [200, CLOSED]),
}


def pieces_of(sent: bytes, chance: random.Random) -> list[bytes]:
    """Single bytes, or pieces cut anywhere and near the ends of heads."""
    if len(sent) < 500 and chance.random() < 0.1:
        return [sent[at : at + 1] for at in range(len(sent))]
    ends = [at.end() + chance.randint(-9, 9) for at in re.finditer(b"\r\n\r\n", sent)]
    cuts = {
        *chance.sample(range(1, len(sent)), chance.randint(1, 6)),
        *chance.sample(ends, chance.randint(0, len(ends))),
    }
    cuts &= set(range(1, len(sent)))
    return [sent[start:end] for start, end in pairwise([0, *sorted(cuts), len(sent)])]


async def answers_to(server: EchoServer, pieces: list[bytes], *, turns: Callable[[], int], ends: bool) -> bytes:
    """All that the server writes, without ids; the loop turns a few times between two pieces."""
    transport = MemoryTransport()
    connection = transport.connect(server.worker)
    async with asyncio.timeout(10):
        for piece in pieces:
            while transport.is_paused and not transport.is_closed:
                await asyncio.sleep(0)
            if transport.is_closed:
                break
            connection.data_received(piece)
            for _ in range(turns()):
                await asyncio.sleep(0)
        if ends and not transport.is_closed and not connection.eof_received():
            transport.close()
        while connection.state not in (NEW, IDLE, CLOSING):
            await asyncio.sleep(0)
    is_closed = transport.is_closed
    transport.close()
    await asyncio.sleep(0)
    return ID.sub(rb"\1", transport.written) + b"HTTP/1.1 %d" % CLOSED * is_closed


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answers)]


def without_close(answers: bytes) -> bytes:
    return answers.replace(b"connection: close\r\n", b"").removesuffix(b"HTTP/1.1 %d" % CLOSED)


def replayed(replay: Replay, folder: Path, *, seed: int) -> tuple[bytes, list[bytes]]:
    """The answers to one whole read, and those to each random split."""
    chance = random.Random(seed)

    async def work() -> tuple[bytes, list[bytes]]:
        server = EchoServer(folder)
        server.full_for_s = 3 if replay.is_full else None
        whole = await answers_to(server, [replay.sent], turns=lambda: 0, ends=replay.ends)
        found = []
        for _ in range(SPLITS):
            turns = partial(chance.randint, 0, chance.choice([0, 1, 20]))
            found.append(await answers_to(server, pieces_of(replay.sent, chance), turns=turns, ends=replay.ends))
        return whole, found

    return run(work())


@pytest.fixture(autouse=True)
def _states_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each event, requests wait for their answers in those states only that say so; no pair is impossible."""
    on = Connection._on

    def checked(connection: Connection, event: Any, given: Any = None) -> None:
        on(connection, event, given)
        if connection.state is not CLOSING:
            assert bool(connection._exchanges) == (connection.state in (*WAITING, FINISHING))

    monkeypatch.setattr(Connection, "_on", checked)


@pytest.mark.parametrize("name", REPLAYS)
def test_pieces_have_the_answers_of_a_whole_read(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    replay = REPLAYS[name]
    whole, split = replayed(replay, tmp_path, seed=sorted(REPLAYS).index(name))
    assert statuses(whole) == replay.statuses
    assert set(split) == {whole}
    assert caplog.records == []


@pytest.mark.parametrize("name", ERRORS_BEHIND)
def test_an_error_behind_a_request_has_at_most_an_answer_of_its_own(name: str, tmp_path: Path) -> None:
    replay = ERRORS_BEHIND[name]
    whole, split = replayed(replay, tmp_path, seed=sorted(ERRORS_BEHIND).index(name))
    assert statuses(whole) == replay.statuses
    assert {tuple(statuses(answers)) for answers in split} <= {(200, CLOSED), (200, 400, CLOSED), (200, 431, CLOSED)}
    assert all(without_close(answers).startswith(without_close(whole)) for answers in split)


def test_requests_that_come_while_many_wait_are_read_later(tmp_path: Path) -> None:
    async def work() -> bytes:
        server = EchoServer(tmp_path)
        return await answers_to(server, [PROBE * 50] * 6, turns=lambda: 5, ends=False)

    assert statuses(run(work())) == [200] * 300
