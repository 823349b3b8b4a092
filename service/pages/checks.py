"""The pages of drift checks: all of a model, and one with everything it found."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from core.errors import CheckNotFound
from core.home import Home
from core.records import CheckRecord
from service.http.paging import SHOWN_CHARS, Page, choice_in, page_in
from service.http.route import Route
from service.pages.check_facts import check_view
from service.pages.shell import Shell
from service.worker import Worker

OF, CHOICES = "of", ("traffic", "files")
MAX_ID_DIGITS = 18


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [
            self._shell.page("/{model}/checks", self.checks),
            self._shell.page("/{model}/checks/{id}", self.check),
        ]

    async def checks(self, request: Request) -> Response:
        model, page = request.path_params["model"], page_in(request, others=[OF])
        of = choice_in(request, OF, CHOICES)
        found = await self._run(checks_of, self._home, model, of, page)
        older = found[-1].id if len(found) == page.limit else None
        return self._shell.render_of_model(request, "checks.html", model, checks=found, of=of, page=page, older=older)

    async def check(self, request: Request) -> Response:
        model = request.path_params["model"]
        view = await self._run(check_view, self._home, model, check_id_in(request))
        return self._shell.render_of_model(request, "check.html", model, view=view)


def checks_of(home: Home, model: str, of: str | None, page: Page) -> list[CheckRecord]:
    """Raises `ModelNotFound` or `Unavailable`."""
    home.registry.require_model(model)
    read = {"traffic": home.ledger.traffic_checks, "files": home.ledger.file_checks}.get(of or "", home.ledger.checks)
    return read(model, limit=page.limit, before=page.before)


def check_id_in(request: Request) -> int:
    """The id in the path; raises `CheckNotFound` for what cannot be one."""
    written = request.path_params["id"]
    if not (written.isascii() and written.isdigit() and len(written) <= MAX_ID_DIGITS):
        raise CheckNotFound(repr(written[:SHOWN_CHARS]))
    return int(written)
