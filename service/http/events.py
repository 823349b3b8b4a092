"""The routes for operators who follow models: server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.news import Position
from service.http.openapi import content
from service.http.paging import require_known
from service.http.route import Operation, Route, Schema
from service.worker import Worker

MEDIA_TYPE = "text/event-stream"
LAST_ID: Schema = {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}}
STREAM = content({MEDIA_TYPE: {"type": "string"}})
ALL = Operation("Follow all models: server-sent events", STREAM, refusals=["400"], more={"parameters": [LAST_ID]})
ONE = Operation("Follow a model: server-sent events", STREAM, refusals=["400"], more={"parameters": [LAST_ID]})


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._hub = worker.hub

    def routes(self) -> list[Route]:
        return [
            Route("/admin/events", self.all_models, scope="admin", is_stream=True, operation=ALL),
            Route("/admin/models/{name}/events", self.one_model, scope="admin", is_stream=True, operation=ONE),
        ]

    async def all_models(self, request: Request) -> Response:
        return self._followed(request, None)

    async def one_model(self, request: Request) -> Response:
        model = request.path_params["name"]
        await self._worker.run_for_operator(self._worker.home.registry.require_model, model)
        return self._followed(request, model)

    def _followed(self, request: Request, model: str | None) -> Response:
        require_known(request, ())
        last = Position.parsed(request.headers.get("last-event-id", ""))
        stream = self._hub.join(model)
        is_allowed = partial(self._worker.access.is_still_operator, request)
        return EventStream(self._hub.events(stream, last, is_allowed=is_allowed), partial(self._hub.leave, stream))


class EventStream(Response):
    """`on_end` is called however it ends, also if it never began."""

    media_type = MEDIA_TYPE

    def __init__(self, events: AsyncIterator[bytes], on_end: Callable[[], None]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})  # so that nginx passes events on as they come
        del self.headers["content-length"]
        self._events, self._on_end = events, on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for written in self._events:
                await send({"type": "http.response.body", "body": written, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._on_end()
