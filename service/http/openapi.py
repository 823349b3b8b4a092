"""The OpenAPI document of the API routes, and the routes that serve it. Tests compare it with real responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.config import ServiceConfig
from service.http.envelope import json_response
from service.http.route import Operation, Route, Schema
from service.http.schema_parts import TEXT, ref
from service.http.schemas import schemas

API_VERSION = "0.1.0"
ALWAYS = ("503", "504")
WITH_SCOPE = ("401", "403", "429")
WITH_BODY = ("400", "404", "408", "413", "415")


class Endpoints:
    """`routes`: the routes to describe. `schema`: the schema of the BentoML service."""

    def __init__(self, routes: Sequence[Route], settings: ServiceConfig, schema: Callable[[], Schema]) -> None:
        self._described = routes
        self._settings = settings
        self._schema = schema

    def routes(self) -> list[Route]:
        any_object = content({"application/json": {"type": "object"}})
        documents = (
            ("/openapi.json", self.openapi, "This document"),
            # BentoML's paths for the same documents.
            ("/docs.json", self.openapi, "This document at BentoML's path"),
            ("/schema.json", self.schema, "The schema that BentoML's client needs"),
        )
        return [
            Route(path, endpoint, scope=None, operation=Operation(summary, any_object))
            for path, endpoint, summary in documents
        ]

    async def openapi(self, _: Request) -> Response:
        return json_response(document([*self._described, *self.routes()], self._settings))

    async def schema(self, _: Request) -> Response:
        return json_response(self._schema())


def document(routes: Sequence[Route], settings: ServiceConfig) -> Schema:
    paths: dict[str, Schema] = {}
    for route in routes:
        if route.operation is not None:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, route.operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Retune", "version": API_VERSION},
        "paths": paths,
        "components": {
            "schemas": schemas(
                max_items=settings.most_items,
                max_feedback=settings.max_items,
                max_explained=settings.max_explained,
            ),
            "securitySchemes": _SECURITY,
        },
    }


def content(by_type: Schema) -> Schema:
    return {"description": "", "content": {media_type: {"schema": schema} for media_type, schema in by_type.items()}}


def _operation(route: Route, operation: Operation) -> Schema:
    error = _json("FlatError" if route.group.flat_errors else "Error")
    given = _json(operation.gives) if isinstance(operation.gives, str) else operation.gives
    described: Schema = {
        "summary": operation.summary,
        "responses": {operation.status: given, **{status: error for status in _refusals(route, operation)}},
        **operation.more,
    }
    in_path = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in route.param_convertors]
    if parameters := [*in_path, *operation.more.get("parameters", [])]:
        described["parameters"] = parameters
    if operation.takes:
        body = _json(operation.takes, example=operation.example)
        described["requestBody"] = {"required": not operation.is_body_optional, **body}
    if route.scope is not None:
        # {} means no key: accepted while there is no key file, and from operators on the server's machine.
        described["security"] = [{"bearer": []}, {"header": []}, {}]
    return described


def _refusals(route: Route, operation: Operation) -> list[str]:
    found = {*ALWAYS, *operation.refusals}
    if route.scope is not None:
        found.update(WITH_SCOPE)
    if route.method == "POST":
        found.update(WITH_BODY)
    if route.param_convertors:
        found.add("404")
    return [*sorted(found), "default"]


def _json(name: str, *, example: Schema | None = None) -> Schema:
    found = content({"application/json": ref(name)})
    if example is not None:
        found["content"]["application/json"]["example"] = example
    return found


_SECURITY: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
