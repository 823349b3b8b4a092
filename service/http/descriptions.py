"""The documents that say what a server offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from core.config import ServiceConfig
from service.http.envelope import json_response
from service.http.openapi import content, document
from service.http.route import Operation, Route, Schema

ANY_OBJECT = content({"application/json": {"type": "object"}})


class Endpoints:
    """`routes`: what is described; `schema`: that of the BentoML service."""

    def __init__(self, routes: Sequence[Route], settings: ServiceConfig, schema: Callable[[], Schema]) -> None:
        self._described = routes
        self._settings = settings
        self._schema = schema

    def routes(self) -> list[Route]:
        documents = (
            ("/openapi.json", self.openapi, "This document"),
            # Where users and the client of BentoML look.
            ("/docs.json", self.openapi, "This document, where users of BentoML look"),
            ("/schema.json", self.schema, "What BentoML's client asks for first"),
        )
        return [
            Route(path, endpoint, scope=None, operation=Operation(summary, ANY_OBJECT))
            for path, endpoint, summary in documents
        ]

    async def openapi(self, _: Request) -> Response:
        return json_response(
            document(
                [*self._described, *self.routes()],
                max_items=self._settings.most_items,
                max_feedback=self._settings.max_items,
            )
        )

    async def schema(self, _: Request) -> Response:
        return json_response(self._schema())
