"""What a client cannot hold on to: memory, connections, or the place of a header."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from service.wire.connection import MAX_HEAD_BYTES, MAX_PIPELINED
from tests.service.wire.gate import BODY, PROBE, Client, Gate, Talk, post

# Until a connection that is to end has ended: the gate's second of patience, a look or two, and time on a busy machine.
ENDED_S = 8.0


def chunked(trailers: bytes, *, kind: bytes = b"application/json") -> bytes:
    lines = [b"POST /predict HTTP/1.1", b"Host: x", b"Content-Type: " + kind, b"Transfer-Encoding: chunked", b"", b""]
    return b"\r\n".join(lines) + b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n" + trailers


def open_gate(gate: Gate) -> None:
    gate.full_for_s = None


async def ends(client: Client, *, dripping: bytes = b"") -> bool:
    """Whether the server ends the connection, whatever is sent meanwhile."""
    with suppress(OSError):
        for _ in range(round(ENDED_S / 0.1)):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    return await client.is_closed()
            client.writer.write(dripping)
            await client.writer.drain()
        return False
    return True


def test_of_requests_sent_without_end_a_bounded_number_is_answered(talk: Talk) -> None:
    async def words(gate: Gate, client: Client) -> None:
        open_gate(gate)
        client.writer.write(PROBE * 5000)
        answers = [await client.answer()]
        while "connection" not in answers[-1][1]:
            answers.append(await client.answer())
        assert {status for status, *_ in answers} == {200}
        assert MAX_PIPELINED <= len(answers) <= MAX_PIPELINED + 2
        assert await ends(client)

    talk(words)


def test_as_many_requests_at_once_as_are_taken_keep_the_connection(talk: Talk) -> None:
    async def words(gate: Gate, client: Client) -> None:
        open_gate(gate)
        for _ in range(3):
            sent = (post() + BODY) * MAX_PIPELINED
            client.writer.write(sent[:777])
            await asyncio.sleep(0.02)
            client.writer.write(sent[777:])
            for _ in range(MAX_PIPELINED):
                assert (await client.answer())[::2] == (200, {"body": BODY.decode()})

    talk(words)


def test_a_head_that_waits_because_nobody_reads_it_is_not_too_slow(talk: Talk) -> None:
    async def words(gate: Gate, client: Client) -> None:
        open_gate(gate)
        client.writer.write(PROBE.replace(b"/livez", b"/slow") + PROBE + PROBE[:9])
        assert [(await client.answer())[0] for _ in range(2)] == [200, 200]
        client.writer.write(PROBE[9:])
        status, headers, _ = await client.answer()
        assert (status, headers.get("connection")) == (200, None)

    talk(words)


def test_a_trailer_is_no_header(talk: Talk) -> None:
    async def words(gate: Gate, client: Client) -> None:
        open_gate(gate)
        client.writer.write(chunked(b"X-Request-ID: from-trailer\r\nContent-Type: text/plain\r\n\r\n"))
        status, headers, _ = await client.answer()
        assert status == 200
        assert headers["x-request-id"] != "from-trailer"
        client.writer.write(chunked(b"Content-Type: application/json\r\n\r\n", kind=b"text/plain"))
        assert (await client.answer())[0] == 415

    talk(words)


def test_trailers_without_end_are_400(talk: Talk) -> None:
    async def words(gate: Gate, client: Client) -> None:
        open_gate(gate)
        client.writer.write(chunked(b"x: y\r\n" * MAX_HEAD_BYTES))
        status, _, content = await client.answer()
        assert (status, content["error"]["code"]) == (400, "malformed_request")
        assert await ends(client)

    talk(words)


def test_trailers_without_end_after_a_refusal_end_the_connection(talk: Talk) -> None:
    async def words(_: Gate, client: Client) -> None:
        client.writer.write(chunked(b"x: y\r\n" * MAX_HEAD_BYTES))
        assert (await client.answer())[0] == 429
        assert await ends(client)

    talk(words)


@pytest.mark.parametrize("is_full", [True, False])
def test_a_body_that_drips_after_its_answer_ends_the_connection(talk: Talk, is_full: bool) -> None:
    async def words(gate: Gate, client: Client) -> None:
        if is_full:
            client.writer.write(post(length=9000))
        else:
            head = PROBE.replace(b"/livez", b"/brief").replace(b"Host: x", b"Host: x\r\nContent-Length: 9000")
            client.writer.write(head.replace(b"Host: x", b"Host: x\r\nContent-Type: application/json"))
        assert (await client.answer())[0] == (429 if is_full else 200)
        assert await ends(client, dripping=b"x")

    talk(words)


@pytest.mark.parametrize("path", [b"/large", b"/nothing"])
def test_who_does_not_read_its_answers_is_let_go(talk: Talk, path: bytes) -> None:
    async def words(gate: Gate, client: Client) -> None:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of the transport that reads, too
        ask = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        with suppress(OSError):
            for _ in range(round(ENDED_S / 0.01)):
                client.writer.write(ask * MAX_PIPELINED)
                await asyncio.sleep(0.01)
                if not gate.worker.connections:
                    break
        assert not gate.worker.connections

    talk(words)


def test_who_reads_slowly_has_its_whole_answer(talk: Talk) -> None:
    async def words(_: Gate, client: Client) -> None:
        client.writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        for _turn in range(16):  # for twice as long as who reads nothing has
            await asyncio.sleep(0.15)
            await client.reader.readexactly(left // 20)
        await client.reader.readexactly(left - 16 * (left // 20))

    talk(words)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post("/nothing", "Expect: 100-continue"), b"404"),
        (post("/predict", "Expect: 100-continue", length=50_000_000_000), b"413"),
        (post("/predict", "Expect: 100-continue").replace(b"application/json", b"text/plain"), b"415"),
    ],
)
def test_who_is_refused_by_the_head_is_not_told_to_go_on(talk: Talk, sent: bytes, status: bytes) -> None:
    async def words(gate: Gate, client: Client) -> None:
        open_gate(gate)
        client.writer.write(sent)
        received = await client.reader.read()
        assert received.startswith(b"HTTP/1.1 " + status)
        assert received.count(b"HTTP/1.1") == 1

    talk(words)
