"""The routes for probes and for Prometheus."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from service.http.envelope import json_response
from service.http.openapi import content
from service.http.route import API, OPEN_INFERENCE, Operation, Route
from service.http.schema_parts import TEXT
from service.telemetry.metrics import CONTENT_TYPE
from service.worker import Worker

Answers = dict[str, dict[str, object]]
LIVE: Answers = {"/livez": {"status": "alive"}, "/v2/health/live": {"live": True}}
READY: Answers = {"/readyz": {"status": "ready"}, "/v2/health/ready": {"ready": True}}
IS_LIVE, IS_READY = "Whether this worker is alive", "Whether it can answer"


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def routes(self) -> list[Route]:
        probes = (
            ("/livez", self.live, API, Operation(IS_LIVE, "Status")),
            ("/readyz", self.ready, API, Operation(IS_READY, "Status")),
            ("/v2/health/live", self.live, OPEN_INFERENCE, Operation(IS_LIVE, "Live")),
            ("/v2/health/ready", self.ready, OPEN_INFERENCE, Operation(IS_READY, "Ready")),
            ("/metrics", self.metrics, API, Operation("Prometheus metrics", content({"text/plain": TEXT}))),
        )
        return [
            Route(path, endpoint, scope=None, group=group, is_probe=True, operation=operation)
            for path, endpoint, group, operation in probes
        ]

    async def live(self, request: Request) -> Response:
        self._worker.require_alive()
        return json_response(LIVE[request.scope["path"]])

    async def ready(self, request: Request) -> Response:
        await asyncio.to_thread(self._worker.require_ready)
        answer, warning = READY[request.scope["path"]], self._worker.warning
        return json_response({**answer, "warning": warning} if warning and "status" in answer else answer)

    async def metrics(self, _: Request) -> Response:
        page = await asyncio.to_thread(self._worker.metrics_page)
        return Response(page, headers={"Content-Type": CONTENT_TYPE})
