"""OpenTelemetry spans of requests, sent to an OTLP endpoint (HTTP, protobuf) if one is configured."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

# An endpoint that does not answer must not keep the server from stopping.
CLOSE_S = 2.0


class Tracing:
    """An ASGI app that puts a span around each traced request and continues the caller's `traceparent`."""

    def __init__(self, app: ASGIApp, endpoint: str, *, path_of: Callable[[Scope], str | None]) -> None:
        """`path_of` returns the path of a request's route, for the name of its span; None: not traced.

        Spans contain the attributes of OpenTelemetry's conventions (method, path, address, user agent), but no query,
        body or key.
        """
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        def details(scope: Any) -> tuple[str, dict[str, str]]:
            path = str(path_of(scope))
            return f"{scope['method']} {path}", {"http.route": path}

        self._provider = TracerProvider(resource=Resource.create({"service.name": "retune"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._path_of = path_of
        self._app = app
        self._traced = OpenTelemetryMiddleware(
            app,
            default_span_details=details,
            server_request_hook=_cut_query,
            tracer_provider=self._provider,
            exclude_spans=["receive", "send"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app if self._path_of(scope) is None else self._traced
        await app(scope, receive, send)

    def close(self) -> None:
        """Send the remaining spans, for at most `CLOSE_S`."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(CLOSE_S)


def _cut_query(span: Any, _scope: Any) -> None:
    """Remove the query: no route uses a query, and a client may have put a key there."""
    for name in ("http.url", "http.target", "url.full", "url.query"):
        value = getattr(span, "attributes", {}).get(name)
        if value is not None:
            span.set_attribute(name, "" if name == "url.query" else value.partition("?")[0])
