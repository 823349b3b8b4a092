from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.testclient import TestClient

from service.telemetry.tracing import Tracing
from service.worker import Worker
from tests.service.apps import app_of

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The URL of an OTLP endpoint over HTTP, and the bodies that it received."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", received
    server.shutdown()
    server.server_close()


def test_a_request_becomes_a_span_without_its_text(
    worker: Worker, collector: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    endpoint, received = collector
    guard = app_of(worker)
    app = Tracing(guard, endpoint, path_of=guard.router.traced_path)
    client = TestClient(app, base_url="http://localhost:3000")
    client.post("/predict", json={"texts": ["my secret invoice"]}, headers={"traceparent": PARENT})
    client.get("/models/site-metrics")
    client.get("/livez")
    deadline = time.monotonic() + 10
    while len(spans := spans_in(received)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [span.name for span in spans] == ["POST /predict", "GET /models/{name}"]
    assert spans[0].trace_id.hex() == PARENT.split("-")[1]
    assert b"secret" not in b"".join(received)


def test_close_sends_the_last_spans_without_queries(worker: Worker, collector: tuple[str, list[bytes]]) -> None:
    endpoint, received = collector
    guard = app_of(worker)
    app = Tracing(guard, endpoint, path_of=guard.router.traced_path)
    TestClient(app, base_url="http://localhost:3000").get("/models/tickets?api_key=secret")
    assert received == []
    app.close()
    assert [span.name for span in spans_in(received)] == ["GET /models/{name}"]
    assert b"secret" not in b"".join(received)


def spans_in(received: Sequence[bytes]) -> list[Span]:
    return [
        span
        for body in received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
