"""The routes for operators about how models stand, as `retune status` says it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.home import Home
from core.overview.facts import overview_json
from core.overview.reading import read_overview
from service.http.envelope import json_response
from service.http.route import Operation, Route
from service.worker import Worker

ALL = Operation("How all models stand, and what to do next", "Overview")
ONE = Operation("How a model stands, and what to do next", "Overview")


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._home = worker.home
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [
            Route("/admin/status", self.all_models, scope="admin", operation=ALL),
            Route("/admin/models/{name}/status", self.one_model, scope="admin", operation=ONE),
        ]

    async def all_models(self, _: Request) -> Response:
        return json_response(await self._run(overview, self._home))

    async def one_model(self, request: Request) -> Response:
        return json_response(await self._run(overview, self._home, request.path_params["name"]))


def overview(home: Home, model: str | None = None) -> dict[str, Any]:
    return overview_json(read_overview(home, model))
