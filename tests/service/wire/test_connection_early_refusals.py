"""Requests that are refused by their head alone, on a connection that goes on."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.wire.echo_server import BODY, LIMIT_S, PROBE, Client, EchoServer, Run, post


def test_a_full_server_says_when_to_retry_and_keeps_the_connection(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        client.writer.write(post("/predict", "X-Request-Id: mine-1") + BODY)
        status, headers, content = await client.answer()
        assert (status, headers["retry-after"], headers["x-request-id"]) == (429, "3", "mine-1")
        assert (content["error"]["code"], content["error"]["request_id"]) == ("overloaded", "mine-1")
        server.full_for_s = None
        client.writer.write(post() + BODY)
        assert (await client.answer())[::2] == (200, {"body": BODY.decode()})

    run(session)


def test_the_body_of_a_refused_request_is_not_taken_for_the_next(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        client.writer.write(post())
        assert (await client.answer())[0] == 429
        client.writer.write(BODY[:5])
        await asyncio.sleep(0.05)
        server.full_for_s = None
        client.writer.write(BODY[5:] + post() + BODY)
        assert (await client.answer())[0] == 200

    run(session)


def test_a_body_that_stalls_after_its_refusal_ends_the_connection(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(post() + BODY[:5])
        assert (await client.answer())[0] == 429
        assert await client.is_closed()

    run(session)


def test_a_head_that_comes_again_is_refused_with_another_id(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        ids = set()
        for text in (b"1", b"2", b"3"):
            client.writer.write(post() + BODY.replace(b"invoice", b"invoic" + text))
            status, headers, content = await client.answer()
            assert (status, headers["x-request-id"]) == (429, content["error"]["request_id"])
            ids.add(headers["x-request-id"])
        assert len(ids) == 3
        server.full_for_s = None
        client.writer.write(post() + BODY)
        assert (await client.answer())[::2] == (200, {"body": BODY.decode()})
        server.full_for_s = 7
        client.writer.write(post() + BODY)
        assert (await client.answer())[1]["retry-after"] == "7"

    server = run(session)
    assert [entry.status for entry in server.entries] == [429, 429, 429, 200, 429]


def test_a_request_is_refused_whatever_pieces_it_comes_in(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        pieces = [[post() + BODY], [post(), BODY], [post() + BODY[:5], BODY[5:]], [post() + BODY + post() + BODY]]
        for sent in [*pieces, *pieces]:
            for piece in sent:
                client.writer.write(piece)
                await asyncio.sleep(0.02)
            for _ in range(b"".join(sent).count(b"POST")):
                assert (await client.answer())[0] == 429
        server.full_for_s = None
        client.writer.write(post() + BODY)
        assert (await client.answer())[0] == 200

    run(session)


@pytest.mark.parametrize("given", ["-" * 64, "-" * 33, "a" * 32, "b" * 64])
def test_the_length_holds_whatever_the_id(run: Run, given: str) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        for _again in range(2):
            client.writer.write(post("/predict", f"X-Request-Id: {given}") + BODY)
            status, headers, content = await client.answer()
            assert (status, headers["x-request-id"], content["error"]["request_id"]) == (429, given, given)

    run(session)


def test_an_unknown_path_is_so_on_a_full_server_too(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(post("/predictions") + BODY)
        assert (await client.answer())[0] == 404

    run(session)


def test_each_of_several_in_one_packet_is_refused(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write((post() + BODY) * 3)
        answers = [await client.answer() for _ in range(3)]
        assert [answer[0] for answer in answers] == [429] * 3
        assert len({answer[1]["x-request-id"] for answer in answers}) == 3

    run(session)


def test_a_client_that_wants_the_connection_closed_has_it_closed(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(post("/predict", "Connection: close") + BODY[:3])
        status, headers, _content = await client.answer()
        assert (status, headers["connection"]) == (429, "close")
        client.writer.write(BODY[3:] + post() + BODY)  # the rest is read, the next request is not
        assert await client.is_closed()

    run(session)


def test_probes_pass_a_full_server(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(PROBE)
        assert (await client.answer())[0] == 200

    run(session)


def test_a_client_that_waits_for_100_continue_is_refused_instead(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(post("/predict", "Expect: 100-continue"))
        status, headers, _content = await client.answer()
        assert (status, headers["retry-after"], headers["connection"]) == (429, "3", "close")
        assert await client.is_closed()

    run(session)


def test_a_request_that_finds_the_server_full_later_is_refused_before_its_body_is_read(run: Run) -> None:
    async def session(server: EchoServer, client: Client) -> None:
        server.full_for_s = None
        client.writer.write(PROBE.replace(b"/livez", b"/slow") + post() + BODY)
        await asyncio.sleep(LIMIT_S)
        server.full_for_s = 3
        assert [(await client.answer())[0] for _ in range(2)] == [200, 429]
        server.full_for_s = None
        client.writer.write(post() + BODY)
        assert (await client.answer())[0] == 200

    server = run(session)
    assert [(entry.route, entry.status) for entry in server.entries][1] == ("/predict", 429)
    page = server.metrics.page().decode()
    assert 'retune_requests_total{route="/predict",status="429"} 1.0' in page
    # Refusals, of which there may be thousands, would make an overload look fast.
    assert 'retune_request_seconds_count{route="/predict"} 1.0' in page


@pytest.mark.parametrize("path", ["/v2/models/tickets/infer", "/v2/models/tickets/infer?x=y"])
def test_an_error_below_v2_is_flat(run: Run, path: str) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        client.writer.write(post(path) + BODY)
        status, _headers, content = await client.answer()
        assert (status, content["code"], type(content["error"])) == (429, "overloaded", str)

    run(session)


def test_refusals_are_counted_and_logged_with_their_route(run: Run) -> None:
    async def session(_: EchoServer, client: Client) -> None:
        for path in ("/predict", "/predict", "/models/anything", "/predict?now"):
            client.writer.write(post(path) + BODY)
            await client.answer()

    server = run(session)
    assert [(entry.route, entry.status) for entry in server.entries] == [
        ("/predict", 429),
        ("/predict", 429),
        ("/models/{name}", 429),
        ("/predict", 429),
    ]
    assert 'retune_requests_total{route="/predict",status="429"} 3.0' in server.metrics.page().decode()
