"""The page of a model: how it stands, what changed, and the button that the decision prompts."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from service.access.actor import actor_of
from service.http.admin import enqueue_retrain
from service.http.route import Route
from service.pages.report_files import SANDBOXED, report_file
from service.pages.shell import Form, Shell, to_page
from service.pages.views import model_view
from service.refusals import ReportNotFound
from service.worker import Worker

MAX_ID_DIGITS = 18


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._shell = worker, shell
        self._run = worker.run_for_operator

    def routes(self) -> list[Route]:
        return [
            self._shell.page("/{model}", self.model),
            self._shell.change("/{model}/retrain", self.retrain),
            self._shell.page("/{model}/reports/{check_id}", self.report),
        ]

    async def model(self, request: Request) -> Response:
        model = request.path_params["model"]
        view = await self._run(model_view, self._worker, model)
        return self._shell.render_of_model(request, "model.html", model, view=view)

    async def retrain(self, request: Request, _: Form) -> Response:
        model = request.path_params["model"]
        await self._run(enqueue_retrain, self._worker.home, model, actor_of(request))
        return to_page(model)

    async def report(self, request: Request) -> Response:
        model, check_id = request.path_params["model"], request.path_params["check_id"]
        path = await self._run(report_path, self._worker, model, check_id)
        return FileResponse(path, media_type="text/html", headers=SANDBOXED)


def report_path(worker: Worker, model: str, check_id: str) -> Path:
    """The check's report, which must be a file in the home. Raises `ModelNotFound` or `ReportNotFound`."""
    worker.home.registry.require_model(model)
    number = int(check_id) if check_id.isascii() and check_id.isdigit() and len(check_id) <= MAX_ID_DIGITS else 0
    check = worker.home.ledger.check(model, number)
    path = report_file(worker.config.home, check) if check else None
    if path is None:
        raise ReportNotFound(number)
    return path
