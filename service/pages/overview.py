"""The first page: all models, those that need a person first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from core.overview.reading import read_overview
from service.http.route import Route
from service.pages.shell import Shell
from service.worker import Worker


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._shell = worker, shell

    def routes(self) -> list[Route]:
        return [self._shell.page("", self.models)]

    async def models(self, request: Request) -> Response:
        found = await self._worker.run_for_operator(read_overview, self._worker.home)
        return self._shell.render(request, "models.html", overview=found)
