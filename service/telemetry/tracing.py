"""OpenTelemetry spans of requests, sent to an OTLP endpoint (HTTP, protobuf) where one is configured."""

from __future__ import annotations

import threading
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

# An endpoint that does not answer must not keep a server from ending.
CLOSE_S = 2.0
EXCLUDED = "^[^/]*//[^/]*/(livez|readyz|metrics|v2/health/.*)$"


class Tracing:
    """The app, with a span around each request but those of probes; takes up the caller's `traceparent`."""

    def __init__(self, app: ASGIApp, endpoint: str, *, name_of: Any) -> None:
        """`name_of(scope)` gives the path of the route, so that names are few. Spans hold what OpenTelemetry's
        conventions name (method, path, address, user agent), no query, no body and no key.
        """
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        def details(scope: Any) -> tuple[str, dict[str, str]]:
            route = name_of(scope)
            return f"{scope['method']} {route}", {"http.route": route}

        self._provider = TracerProvider(resource=Resource.create({"service.name": "retune"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._app = OpenTelemetryMiddleware(
            app,
            excluded_urls=EXCLUDED,
            default_span_details=details,
            server_request_hook=_cut_query,
            tracer_provider=self._provider,
            exclude_spans=["receive", "send"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        """Send what is not sent yet, if that takes no longer than `CLOSE_S`."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(CLOSE_S)


def _cut_query(span: Any, _scope: Any) -> None:
    """No route has one, and what clients put there may be a key."""
    for name in ("http.url", "http.target", "url.full", "url.query"):
        value = getattr(span, "attributes", {}).get(name)
        if value is not None:
            span.set_attribute(name, "" if name == "url.query" else value.partition("?")[0])
