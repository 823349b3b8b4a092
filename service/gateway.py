"""The BentoML service: processes, sockets and life cycle are BentoML's, the HTTP surface is ours."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from typing import Any

import bentoml
from bentoml.images import Image
from starlette.types import ASGIApp, Receive, Scope, Send


class FrontDoor:
    """ASGI middleware that answers HTTP itself.

    An app mounted at "/" would stand behind BentoML's own /livez, /readyz, /healthz and /schema.json,
    whose bodies and error handling are not ours (docs/decisions/0005-front-door.md).
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
    workers="cpu_count",
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
        from core.config import load_config
        from service.app import guarded_app
        from service.worker import Worker

        logging.getLogger("service").setLevel(logging.INFO)
        self.worker = Worker(load_config())
        self.worker.start()
        self.app = guarded_app(self.worker)

    @bentoml.api  # type: ignore[untyped-decorator]  # bentoml's own is not annotated
    async def predict(self, texts: list[Any], model: str | None = None, top_k: int | None = None) -> dict[str, Any]:
        """Answer texts, as POST /predict does."""
        from service.protocols import own

        fields = {"texts": texts, "model": model, "top_k": top_k}
        asked = own.request_in(fields, max_items=self.worker.config.service.max_items)
        return own.rendered(await self.worker.predictor.predict(asked))

    @bentoml.api  # type: ignore[untyped-decorator]  # bentoml's own is not annotated
    async def feedback(self, feedback: list[dict[str, Any]]) -> dict[str, Any]:
        """Store labels of predictions, as POST /feedback does."""
        from service.requests import labels_given

        given = labels_given({"feedback": feedback}, max_items=self.worker.config.service.max_items)
        return asdict(await asyncio.to_thread(self.worker.feedback.store, given))

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml's own is not annotated
    def close(self) -> None:
        self.worker.close()


Gateway.add_asgi_middleware(FrontDoor)  # type: ignore[attr-defined]  # the decorator made it a bentoml Service
