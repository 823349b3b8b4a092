"""Bounds on what a client can hold: memory, connections, or the place of a header."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import suppress

import pytest

from service.wire.connection import MAX_PIPELINED
from service.wire.heads import MAX_HEAD_BYTES
from tests.service.wire.echo_server import BODY, LIMIT_S, PROBE, Client, EchoServer, Run, post

# Until a connection that is to end has ended: a second of the server, a sweep or two, and a slow machine.
ENDED_S = 8.0


def chunked(trailers: bytes, *, kind: bytes = b"application/json") -> bytes:
    lines = [b"POST /predict HTTP/1.1", b"Host: x", b"Content-Type: " + kind, b"Transfer-Encoding: chunked", b"", b""]
    return b"\r\n".join(lines) + b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n" + trailers


def admit_all(server: EchoServer) -> None:
    server.full_for_s = None


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


def test_a_bounded_number_of_requests_sent_at_once_is_answered(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        admit_all(server)
        client.writer.write(PROBE * 5000)
        answers = [await client.answer()]
        while "connection" not in answers[-1][1]:
            answers.append(await client.answer())
        assert {status for status, *_ in answers} == {200}
        assert MAX_PIPELINED <= len(answers) <= MAX_PIPELINED + 2
        assert await ends(client)

    run(session)


def test_requests_up_to_that_number_keep_the_connection(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        admit_all(server)
        for _ in range(3):
            sent = (post() + BODY) * MAX_PIPELINED
            client.writer.write(sent[:777])
            await asyncio.sleep(0.02)
            client.writer.write(sent[777:])
            for _ in range(MAX_PIPELINED):
                assert (await client.answer())[::2] == (200, {"body": BODY.decode()})

    run(session)


def test_a_head_that_the_server_does_not_read_yet_is_not_too_slow(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        admit_all(server)
        client.writer.write(PROBE.replace(b"/livez", b"/slow") + PROBE + PROBE[:9])
        assert [(await client.answer())[0] for _ in range(2)] == [200, 200]
        client.writer.write(PROBE[9:])
        status, headers, _ = await client.answer()
        assert (status, headers.get("connection")) == (200, None)

    run(session)


@pytest.mark.parametrize("sent_before", [len(PROBE) - 9, len(PROBE + post()), len(PROBE + post() + BODY) - 9])
def test_what_came_while_the_worker_stood_still_is_not_too_slow(run: Run, sent_before: int) -> None:
    """A busy machine may leave a worker without a processor for longer than a client may stay silent."""

    async def session(server: EchoServer, client: Client) -> None:
        admit_all(server)
        request = PROBE + post() + BODY
        client.writer.write(request[:sent_before])
        await asyncio.sleep(0.1 * LIMIT_S)
        loop, (bell, ring) = asyncio.get_running_loop(), socket.socketpair()

        def stand_still() -> None:
            loop.remove_reader(bell)
            time.sleep(1.5 * LIMIT_S)
            os.write(client.writer.get_extra_info("socket").fileno(), request[sent_before:])

        with bell, ring:
            loop.add_reader(bell, stand_still)
            ring.send(b"!")
            assert [(await client.answer())[0] for _ in range(2)] == [200, 200]

    run(session)


def test_a_trailer_is_no_header(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        admit_all(server)
        client.writer.write(chunked(b"X-Request-ID: from-trailer\r\nContent-Type: text/plain\r\n\r\n"))
        status, headers, _ = await client.answer()
        assert status == 200
        assert headers["x-request-id"] != "from-trailer"
        client.writer.write(chunked(b"Content-Type: application/json\r\n\r\n", kind=b"text/plain"))
        assert (await client.answer())[0] == 415

    run(session)


def test_trailers_without_end_are_400(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        admit_all(server)
        client.writer.write(chunked(b"x: y\r\n" * MAX_HEAD_BYTES))
        status, _, content = await client.answer()
        assert (status, content["error"]["code"]) == (400, "malformed_request")
        assert await ends(client)

    run(session)


def test_trailers_without_end_after_a_refusal_end_the_connection(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(chunked(b"x: y\r\n" * MAX_HEAD_BYTES))
        assert (await client.answer())[0] == 429
        assert await ends(client)

    run(session)


@pytest.mark.parametrize("is_full", [True, False])
def test_a_body_that_drips_after_its_answer_ends_the_connection(run: Run, is_full: bool) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        if is_full:
            client.writer.write(post(length=9000))
        else:
            head = PROBE.replace(b"/livez", b"/brief").replace(b"Host: x", b"Host: x\r\nContent-Length: 9000")
            client.writer.write(head.replace(b"Host: x", b"Host: x\r\nContent-Type: application/json"))
        assert (await client.answer())[0] == (429 if is_full else 200)
        assert await ends(client, dripping=b"x")

    run(session)


@pytest.mark.parametrize("path", [b"/large", b"/nothing"])
def test_a_client_that_does_not_read_its_answers_loses_its_connection(run: Run, path: bytes) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of the transport that reads, too
        ask = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        with suppress(OSError):
            for _ in range(round(ENDED_S / 0.01)):
                client.writer.write(ask * MAX_PIPELINED)
                await asyncio.sleep(0.01)
                if not server.worker.connections:
                    break
        assert not server.worker.connections

    run(session)


def test_a_client_that_reads_slowly_has_its_whole_answer(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        for _turn in range(16):  # for twice as long as a client that reads nothing has
            await asyncio.sleep(0.15)
            await client.reader.readexactly(left // 20)
        await client.reader.readexactly(left - 16 * (left // 20))

    run(session)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post("/nothing", "Expect: 100-continue"), b"404"),
        (post("/predict", "Expect: 100-continue", length=50_000_000_000), b"413"),
        (post("/predict", "Expect: 100-continue").replace(b"application/json", b"text/plain"), b"415"),
    ],
)
def test_a_client_that_is_refused_by_its_head_is_not_told_to_continue(run: Run, sent: bytes, status: bytes) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        admit_all(server)
        client.writer.write(sent)
        received = await client.reader.read()
        assert received.startswith(b"HTTP/1.1 " + status)
        assert received.count(b"HTTP/1.1") == 1

    run(session)
