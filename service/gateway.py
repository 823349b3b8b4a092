"""The BentoML service: BentoML manages processes, sockets and life cycle; all HTTP responses come from our app."""

from __future__ import annotations

import gc
import logging
import sys
from functools import partial
from typing import Any

import bentoml
from bentoml.images import Image
from bentoml.serving import running_inside_container
from starlette.types import ASGIApp, Receive, Scope, Send

from core.config import load_config
from core.config_sources import sources_of
from core.cpu import use_batch_scheduling, worker_count

THREAD_SWITCH_S = 0.001
# New objects before a garbage collection: those of a few hundred requests, instead of ten requests with the default.
GC_THRESHOLD = 10_000


class HttpBypass:
    """ASGI middleware that sends HTTP requests to our app instead of BentoML's.

    Requests of `bentoml serve` do not come here: `service.wire.connection` calls our app directly. An app mounted at
    "/" would come after BentoML's own /livez, /readyz, /healthz and /schema.json, whose responses differ from ours
    (docs/decisions/0005-http-bypass.md).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._bentoml = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await bentoml.get_current_service().app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._bentoml(scope, receive, send)


@bentoml.service(
    name="Gateway",
    # The same number that each worker expects, see `Worker.require_ready`.
    workers=worker_count(load_config()),
    # Without `distro`, because with it BentoML installs compilers and git, which double the image.
    image=Image(base_image="python:3.11-slim", distro="", lock_python_packages=False),
    http={"host": "127.0.0.1", "port": 3000},
    # BentoML labels its metrics by request path, so clients could create an unlimited number of time series.
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Gateway:
    """One worker process, see `Worker` for its parts.

    HTTP requests do not reach these methods. They are declared for BentoML's client, which reads /schema.json, and for
    calls in the same process.
    """

    def __init__(self) -> None:
        # Imported here, because the supervisor process also imports this module, but needs no part of a worker.
        from core.processes.parent import end_with_parent
        from service.app import guarded_app
        from service.host.process import runtime_folder
        from service.telemetry.logs import LogThread
        from service.telemetry.tracing import Tracing
        from service.wire.balancing import Balancer
        from service.wire.connection import Connection
        from service.wire.connection_counts import ConnectionCounts
        from service.wire.drain import Drain, running_server
        from service.wire.idle_sweep import IdleSweep
        from service.wire.listener import Listener
        from service.worker import Worker

        logging.getLogger("service").setLevel(logging.INFO)
        config = load_config()
        server = running_server()  # None unless `bentoml serve` runs the service
        replaces_lost = server is None or not running_inside_container()
        self.worker = Worker(config, replaces_lost=replaces_lost, sources=sources_of())
        if server is not None:
            end_with_parent()
            LogThread(on_drop=self.worker.metrics.count_log_drop).start()
        self.worker.start()
        self.app = guarded_app(self.worker, schema=Gateway.schema)  # type: ignore[attr-defined]  # added by the decorator
        # With the default, 5 ms, the engine's thread would wait for other threads as long as several engine calls take.
        sys.setswitchinterval(THREAD_SWITCH_S)
        # All objects so far live as long as the process: exclude them from garbage collections.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        endpoint = config.service.otlp_endpoint
        self.tracing = Tracing(self.app, endpoint, path_of=self.app.router.traced_path) if endpoint else None
        app = self.tracing or self.app
        if server is not None:
            use_batch_scheduling()
            index = (bentoml.server_context.worker_index or 1) - 1
            counts = ConnectionCounts(runtime_folder(config) / "connections", workers=worker_count(config), index=index)
            batcher = self.worker.batcher
            balancer = Balancer(counts, server.server_state.connections, lambda: batcher.worked_s)
            callbacks = self.app.callbacks(app, head_s=config.service.head_timeout_s, stall_s=config.service.stall_s)
            IdleSweep(server).start()
            drain = Drain(
                server,
                Listener(server, balancer, partial(Connection, callbacks, balancer)),
                seconds=config.service.drain_s,
                on_begin=self.worker.drain,
                is_last=self.worker.is_last,
            )
            drain.install()

    @bentoml.api  # type: ignore[untyped-decorator]  # bentoml's decorator is not annotated
    async def predict(
        self,
        texts: list[Any],
        model: str | None = None,
        top_k: int | None = None,
        timeout_ms: int | None = None,
        explain: bool | None = None,
    ) -> dict[str, Any]:
        """Answer texts, as POST /predict does."""
        from service.http.client_routes import explained
        from service.http.protocols import own

        fields = {"texts": texts, "model": model, "top_k": top_k, "timeout_ms": timeout_ms, "explain": explain}
        request = own.request_in(fields, max_items=self.worker.config.service.most_items)
        if request.explains:
            return await explained(self.worker, request, shows_like=True)
        return own.rendered(await self.worker.predictor.predict(request))

    @bentoml.api  # type: ignore[untyped-decorator]  # bentoml's decorator is not annotated
    async def feedback(self, feedback: list[dict[str, Any]]) -> dict[str, Any]:
        """Store labels of predictions, as POST /feedback does."""
        from service.http.protocols.feedback import labels_given, rendered

        items = labels_given({"feedback": feedback}, max_items=self.worker.config.service.max_items)
        return rendered(await self.worker.feedback.store(items))

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml's decorator is not annotated
    def close(self) -> None:
        self.worker.close()
        if self.tracing:
            self.tracing.close()


Gateway.add_asgi_middleware(HttpBypass)  # type: ignore[attr-defined]  # the decorator made it a bentoml Service
