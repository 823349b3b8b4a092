"""The guard with small routes for the tests."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Message

from core.errors import CorruptPackage, RetuneError
from service.http.envelope import status_of
from service.http.guard import Guard, RequestLimits
from service.http.route import FORM, Route, RouteGroup
from service.refusals import KeyRefused, NotReady, Overloaded
from service.telemetry.metrics import Metrics
from tests.service.fakes import Panic

JSON = {"Content-Type": "application/json"}


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def fail(request: Request) -> Response:
    raise RuntimeError(f"this holds a user's text: {request.headers['x-text']}")


async def panic(_: Request) -> Response:
    raise Panic("a user's text")


async def sleep(_: Request) -> Response:
    await asyncio.sleep(30)
    return Response()


ROUTES = [
    Route("/echo", echo, method="POST"),
    Route("/fail", fail),
    Route("/panic", panic),
    Route("/sleep", sleep),
    Route("/pages/{name}", echo, method="POST", group=RouteGroup("/pages", (FORM,))),
]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(metrics: Metrics) -> TestClient:
    return TestClient(guard(metrics))


def guard(metrics: Metrics) -> Guard:
    return Guard(
        ROUTES,
        require=require,
        metrics=metrics,
        limits=RequestLimits(max_body_bytes=1000, timeout_s=0.2),
    )


def require(request: Request, _scope: str) -> None:
    if "x-unwanted" in request.headers:
        raise KeyRefused


def code_of(answer: object) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]  # type: ignore[attr-defined]  # the client's Response


def test_an_open_request_gets_503_when_the_server_ends(metrics: Metrics) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def end() -> None:
        scope = {"type": "http", "method": "GET", "path": "/sleep", "headers": [], "scheme": "http"}
        task = asyncio.create_task(guard(metrics)(scope, receive, send))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    asyncio.run(end())
    head, body = sent
    assert (head["status"], json.loads(body["body"])["error"]["code"]) == (503, "not_ready")
    assert (b"connection", b"close") in head["headers"]


def test_an_unknown_path_is_404_in_the_envelope(client: TestClient) -> None:
    for path in ("/", "/nope", "/echo/", "/schema.json", "/healthz", "/docs.json", "/static_content/x", "//echo"):
        assert code_of(client.get(path)) == (404, "not_found")


def test_a_wrong_method_is_405_and_names_allowed_methods(client: TestClient) -> None:
    answer = client.delete("/echo")
    assert code_of(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("kind", ["text/plain", "application/vnd.bentoml+pickle", "multipart/form-data", ""])
def test_a_body_that_is_not_json_is_415(client: TestClient, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    assert code_of(client.post("/echo", content=b"{}", headers=headers)) == (415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_a_body_compressed_by_anything_but_gzip_is_415(client: TestClient, encoding: str) -> None:
    answer = client.post("/echo", content=b"{}", headers={**JSON, "Content-Encoding": encoding})
    assert code_of(answer) == (415, "unsupported_media_type")
    assert "The body is compressed, and not by gzip." in answer.text


GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
CONTENT = b'{"texts": ["' + b"a b c " * 40 + b'"]}'


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_a_gzip_body_is_decompressed(client: TestClient, encoding: str) -> None:
    members = gzip.compress(CONTENT[:50]) + gzip.compress(CONTENT[50:])
    for body in (gzip.compress(CONTENT), members):
        answer = client.post("/echo", content=body, headers={**GZIP, "Content-Encoding": encoding})
        assert answer.content == CONTENT


def test_a_gzip_body_may_come_byte_by_byte(client: TestClient) -> None:
    parts = (bytes([byte]) for byte in gzip.compress(CONTENT))
    assert client.post("/echo", content=parts, headers=GZIP).content == CONTENT


@pytest.mark.parametrize(
    "body", [b"{}", gzip.compress(CONTENT)[:-9], gzip.compress(CONTENT)[:-4] + b"1234", gzip.compress(CONTENT) + b"{}"]
)
def test_a_gzip_body_that_is_none_or_is_cut_is_400(client: TestClient, body: bytes) -> None:
    answer = client.post("/echo", content=body, headers=GZIP)
    assert code_of(answer) == (400, "invalid_body")
    assert "gzip" in answer.text


def test_a_gzip_body_that_decompresses_to_more_than_the_limit_is_413(client: TestClient) -> None:
    body = gzip.compress(gzip.compress(b" " * 50_000_000))
    for sent in (gzip.compress(b" " * 10_000_000), gzip.compress(b"") * 10_000, body):
        answer = client.post("/echo", content=sent, headers=GZIP)
        assert code_of(answer) == (413, "body_too_large")


def test_json_with_a_charset_is_accepted(client: TestClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/echo", content=b"{}", headers=headers).content == b"{}"


def test_pages_accept_forms_only(client: TestClient) -> None:
    assert client.post("/pages/a", data={"token": "x"}).content == b"token=x"
    assert client.post("/pages/a", json={}).status_code == 415


def test_a_body_over_the_limit_is_413(client: TestClient) -> None:
    answer = client.post("/echo", content=b"x" * 1001, headers=JSON)
    assert code_of(answer) == (413, "body_too_large")
    assert client.post("/echo", content=b"x" * 1000, headers=JSON).status_code == 200


def test_a_chunked_body_over_the_limit_is_413(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        yield from [b"x" * 100] * 11

    assert code_of(client.post("/echo", content=chunks(), headers=JSON)) == (413, "body_too_large")


def test_a_request_over_the_time_limit_is_504(client: TestClient) -> None:
    answer = client.get("/sleep")
    assert code_of(answer) == (504, "timeout")


def test_an_exception_is_500_without_its_message(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.get("/fail", headers={"x-text": "secret"})
    assert code_of(answer) == (500, "internal")
    assert answer.json()["error"]["request_id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text + answer.text


def test_a_panic_that_is_not_an_exception_is_500(client: TestClient) -> None:
    assert code_of(client.get("/panic")) == (500, "internal")


def test_a_safe_request_id_is_kept_and_another_replaced(client: TestClient) -> None:
    for given, kept in [("order-17.b", True), ("a b", False), ("x" * 65, False)]:
        answer = client.get("/nope", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) is kept
        assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"]


def test_random_paths_create_no_time_series(client: TestClient, metrics: Metrics) -> None:
    client.get("/first")
    client.post("/pages/first", data={})  # creates the time series of this route
    before = len(metrics.page().splitlines())
    for number in range(50):
        client.get(f"/random/{number}")
        client.post(f"/pages/{number}", data={})
    assert len(metrics.page().splitlines()) <= before + 20
    assert b'route="/pages/{name}"' in metrics.page()


def test_access_is_checked_before_the_body(client: TestClient) -> None:
    answer = client.post("/echo", content=b"x" * 2000, headers={"Content-Type": "text/plain", "X-Unwanted": "1"})
    assert code_of(answer) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/nope", "/fail", "/echo"])
def test_every_answer_has_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path, headers={"x-text": ""}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_hsts_is_sent_only_over_tls(metrics: Metrics) -> None:
    for scheme, is_asked in (("http", False), ("https", True)):
        answer = TestClient(guard(metrics), base_url=f"{scheme}://retune.example").get("/nope")
        assert ("Strict-Transport-Security" in answer.headers) is is_asked


def test_an_error_has_the_status_of_its_nearest_base_class() -> None:
    class Hiccup(Overloaded):
        """Has no entry in the table of statuses."""

    assert status_of(Hiccup(1)) == status_of(Overloaded(1)) == 429
    assert status_of(NotReady("it starts")) == status_of(CorruptPackage("p", "it is empty")) == 503
    assert status_of(RetuneError("what is this")) == 500
