"""The routes of clients and probes: validate, call, return."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.answering.requests import parse_feedback
from service.gateway import Gateway
from service.http import admin
from service.http.envelope import json_response
from service.http.guard import Guard, RequestLimits
from service.http.openapi import document
from service.http.protocols import hugging_face, open_inference, own
from service.http.surface import OPEN_INFERENCE, PAGES
from service.pages import dashboard
from service.refusals import NotReady
from service.telemetry.metrics import CONTENT_TYPE
from service.worker import Worker


def guarded_app(worker: Worker) -> Guard:
    """The whole HTTP surface of one worker, as an ASGI app."""
    settings = worker.config.service
    return Guard(
        [*open_routes(worker), *admin.Endpoints(worker).routes(), *dashboard.Pages(worker).routes()],
        admit=worker.access.admit,
        metrics=worker.metrics,
        limits=RequestLimits(settings.max_body_bytes, settings.timeout_s),
        surfaces=(OPEN_INFERENCE, PAGES),
        is_draining=lambda: worker.is_draining,
        full_for_s=worker.batcher.full_for_s,
        log=worker.access_log.add if worker.access_log else lambda _: None,
    )


def open_routes(worker: Worker) -> list[Route]:
    """What anyone may call: predictions in each protocol, feedback, probes and documents."""
    return [*Endpoints(worker).routes(), *open_inference.Endpoints(worker).routes()]


class Endpoints:
    """What clients and probes call, but for the Open Inference Protocol, a family of routes of its own."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._max_items = worker.config.service.max_items
        self._most_items = worker.config.service.most_items

    def routes(self) -> list[Route]:
        return [
            Route("/predict", self.predict, methods=["POST"]),
            Route("/models/{name}", self.hugging_face, methods=["POST"]),
            Route("/feedback", self.feedback, methods=["POST"]),
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
            Route("/openapi.json", self.openapi),
            # Where users and the client of BentoML look.
            Route("/docs.json", self.openapi),
            Route("/schema.json", self.schema),
        ]

    async def predict(self, request: Request) -> Response:
        asked = own.parse(await request.body(), max_items=self._most_items)
        return json_response(own.rendered(await self._worker.predictor.predict(asked, request.scope["state"])))

    async def hugging_face(self, request: Request) -> Response:
        served = self._worker.champions.served(request.path_params["name"])
        asked = hugging_face.parse(await request.body(), model=served.model, max_items=self._most_items)
        hugging_face.require_own_function(asked, served.engine.facts.kind)
        predictions = await self._worker.predictor.predict(asked.request, request.scope["state"])
        return json_response(hugging_face.rendered(asked, predictions))

    async def feedback(self, request: Request) -> Response:
        records = parse_feedback(await request.body(), max_items=self._max_items)
        stored = await self._worker.feedback.store(records)
        return json_response({"accepted": stored.accepted, "unknown": stored.unknown})

    async def livez(self, _: Request) -> Response:
        if not self._worker.is_alive:
            raise NotReady("a thread of this worker has ended")
        return json_response({"status": "alive"})

    async def readyz(self, _: Request) -> Response:
        await asyncio.to_thread(self._worker.require_ready)
        return json_response({"status": "ready"})

    async def metrics(self, _: Request) -> Response:
        page = await asyncio.to_thread(self._worker.metrics.page)
        return Response(page, headers={"Content-Type": CONTENT_TYPE})

    async def openapi(self, _: Request) -> Response:
        return json_response(document(max_items=self._most_items, max_feedback=self._max_items))

    async def schema(self, _: Request) -> Response:
        return json_response(Gateway.schema())  # type: ignore[attr-defined]  # the decorator made it a bentoml Service
