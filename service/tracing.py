"""OpenTelemetry spans of requests, sent to an OTLP endpoint (HTTP, protobuf) where one is configured."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp

EXCLUDED = "^[^/]*//[^/]*/(livez|readyz|metrics|v2/health/.*)$"


def traced(app: ASGIApp, endpoint: str, *, name_of: Any) -> ASGIApp:
    """The app, with a span around each request but those of probes; takes up the caller's `traceparent`.

    `name_of(scope)` gives the path of the route, so that names are few. Spans hold what OpenTelemetry's
    conventions name (method, path, address, user agent), no body and no key.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "retune"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))

    def details(scope: Any) -> tuple[str, dict[str, str]]:
        route = name_of(scope)
        return f"{scope['method']} {route}", {"http.route": route}

    return OpenTelemetryMiddleware(
        app,
        excluded_urls=EXCLUDED,
        default_span_details=details,
        tracer_provider=provider,
        exclude_spans=["receive", "send"],
    )
