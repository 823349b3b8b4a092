"""The page of everything that happened to a model, and why."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from service.http.paging import DEFAULT_ROWS, MAX_ROWS, choice_in, number_in, require_known
from service.http.route import Route
from service.pages.shell import Shell
from service.pages.timeline.reading import KINDS, cursor_of, read_timeline
from service.worker import Worker

KIND, OLDER, LIMIT = "kind", "older", "limit"
SINGULAR = {kind: kind.removesuffix("s") for kind in KINDS}


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [self._shell.page("/{model}/history", self.history)]

    async def history(self, request: Request) -> Response:
        model = request.path_params["model"]
        require_known(request, (KIND, OLDER, LIMIT))
        kind = choice_in(request, KIND, list(KINDS))
        written = request.query_params.get(OLDER)
        older = cursor_of(written) if written is not None else {}
        limit = number_in(request, LIMIT, MAX_ROWS) or DEFAULT_ROWS
        read = partial(read_timeline, kind=kind, older=older, limit=limit)
        timeline = await self._run(read, self._home, model)
        return self._shell.render_of_model(
            request, "timeline.html", model, timeline=timeline, kind=kind, kinds=SINGULAR, limit=limit, older=older
        )
