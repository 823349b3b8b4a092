"""The BentoML service: processes, sockets and life cycle are BentoML's, the HTTP surface is ours."""

from __future__ import annotations

import gc
import logging
import sys
from dataclasses import asdict
from functools import partial
from typing import Any

import bentoml
from bentoml.images import Image
from bentoml.serving import running_inside_container
from starlette.types import ASGIApp, Receive, Scope, Send

from core.config import load_config
from core.cpu import use_batch_scheduling, worker_count

SWITCH_S = 0.001
# So many new ones before a collection: a few hundred requests' worth, not ten.
YOUNG_OBJECTS = 10_000


class FrontDoor:
    """ASGI middleware that answers HTTP itself.

    The connections of `bentoml serve` do not even come here (`service.wire.connection`). An app mounted at "/"
    would stand behind BentoML's own /livez, /readyz, /healthz and /schema.json, whose bodies and error
    handling are not ours (docs/decisions/0005-front-door.md).
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
    # Each worker expects so many neighbours, so both must count the same.
    workers=worker_count(load_config()),
    # No distribution: for one it names, BentoML installs compilers and git, which double the image.
    image=Image(base_image="python:3.11-slim", distro="", lock_python_packages=False),
    http={"host": "127.0.0.1", "port": 3000},
    # BentoML labels its metrics by raw path, so that any client can make them grow without end.
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Gateway:
    """One worker process; see `Worker` for what it holds.

    Over HTTP its methods are reached through `FrontDoor` only; they are declared so that BentoML's client finds
    them in /schema.json, and for use in this process.
    """

    def __init__(self) -> None:
        # Only here: the supervising process imports this module too, and needs nothing of this.
        from service.app import guarded_app
        from service.host.process import server_folder
        from service.host.watchdog import end_with_parent
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
        server = running_server()  # none where something else than `bentoml serve` calls the service
        self.worker = Worker(config, replaces_lost=server is None or not running_inside_container())
        if server is not None:
            end_with_parent()
            LogThread(on_drop=self.worker.metrics.count_log_drop).start()
        self.worker.start()
        self.app = guarded_app(self.worker, schema=Gateway.schema)  # type: ignore[attr-defined]  # as below
        # The engine's thread must not wait 5 ms, several calls' time, for a thread that writes.
        sys.setswitchinterval(SWITCH_S)
        # What is here now stays: collections need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)
        endpoint = config.service.otlp_endpoint
        self.tracing = Tracing(self.app, endpoint, path_of=self.app.router.traced_path) if endpoint else None
        app = self.tracing or self.app
        if server is not None:
            use_batch_scheduling()
            index = (bentoml.server_context.worker_index or 1) - 1
            counts = ConnectionCounts(server_folder(config) / "connections", workers=worker_count(config), index=index)
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

    @bentoml.api  # type: ignore[untyped-decorator]  # bentoml's own is not annotated
    async def predict(
        self, texts: list[Any], model: str | None = None, top_k: int | None = None, timeout_ms: int | None = None
    ) -> dict[str, Any]:
        """Answer texts, as POST /predict does."""
        from service.http.protocols import own

        fields = {"texts": texts, "model": model, "top_k": top_k, "timeout_ms": timeout_ms}
        asked = own.request_in(fields, max_items=self.worker.config.service.most_items)
        return own.rendered(await self.worker.predictor.predict(asked))

    @bentoml.api  # type: ignore[untyped-decorator]  # bentoml's own is not annotated
    async def feedback(self, feedback: list[dict[str, Any]]) -> dict[str, Any]:
        """Store labels of predictions, as POST /feedback does."""
        from service.http.protocols.feedback import labels_given

        given = labels_given({"feedback": feedback}, max_items=self.worker.config.service.max_items)
        return asdict(await self.worker.feedback.store(given))

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml's own is not annotated
    def close(self) -> None:
        self.worker.close()
        if self.tracing:
            self.tracing.close()


Gateway.add_asgi_middleware(FrontDoor)  # type: ignore[attr-defined]  # the decorator made it a bentoml Service
