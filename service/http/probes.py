"""The routes of probes and of Prometheus."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from service.http.envelope import json_response
from service.http.openapi import content
from service.http.route import Operation, Route
from service.http.schemas import TEXT
from service.refusals import NotReady
from service.telemetry.metrics import CONTENT_TYPE
from service.worker import Worker


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def routes(self) -> list[Route]:
        page = content({"text/plain": TEXT})
        probes = (
            ("/livez", self.livez, Operation("Whether this worker lives", "Status")),
            ("/readyz", self.readyz, Operation("Whether it can answer", "Status")),
            ("/metrics", self.metrics, Operation("Prometheus metrics", page)),
        )
        return [
            Route(path, endpoint, scope=None, is_probe=True, operation=operation)
            for path, endpoint, operation in probes
        ]

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
