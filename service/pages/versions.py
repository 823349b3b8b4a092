"""The pages of a model's versions: the list, and two of them side by side."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core.errors import RetuneError
from core.home import Home
from core.package import RUNGS_PAGE
from core.version_facts import KnownVersions
from service.http.paging import name_in_query, number_in, page_in, require_known
from service.http.route import Route
from service.pages.disagreement_page import MOST_PAGES, disagreement_page
from service.pages.report_files import SANDBOXED
from service.pages.shell import Shell
from service.pages.version_rows import version_list
from service.pages.version_view import version_view
from service.refusals import RungsNotFound
from service.worker import Worker


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._home, self._shell = worker.home, shell
        self._run = worker.run_for_operator
        self._known = KnownVersions(worker.home.registry)

    def routes(self) -> list[Route]:
        return [
            self._shell.page("/{model}/versions", self.all_versions),
            self._shell.page("/{model}/versions/{version}", self.version),
            self._shell.page("/{model}/versions/{version}/rungs", self.rungs),
        ]

    async def all_versions(self, request: Request) -> Response:
        model = request.path_params["model"]
        found = await self._run(version_list, self._home, self._known, model, page_in(request))
        return self._shell.render_of_model(request, "versions.html", model, list=found)

    async def version(self, request: Request) -> Response:
        model, version = request.path_params["model"], request.path_params["version"]
        require_known(request, ("against", "texts"))
        against, number = name_in_query(request, "against"), number_in(request, "texts", MOST_PAGES) or 1
        view = await self._run(version_view, self._home, self._known, model, version, against)
        texts = await self._run(disagreement_page, self._home, view, number)
        has_rungs = await self._run(_has_rungs, self._home, model, version)
        return self._shell.render_of_model(request, "version.html", model, view=view, texts=texts, has_rungs=has_rungs)

    async def rungs(self, request: Request) -> Response:
        path = await self._run(_rungs_file, self._home, request.path_params["model"], request.path_params["version"])
        return FileResponse(path, media_type="text/html", headers=SANDBOXED)


def _has_rungs(home: Home, model: str, version: str) -> bool:
    try:
        return _rungs_file(home, model, version).is_file()
    except RetuneError:
        return False


def _rungs_file(home: Home, model: str, version: str) -> Path:
    """How the rungs were measured. Raises `ModelNotFound`, `VersionNotFound` or `RungsNotFound`."""
    home.registry.require_model(model)
    path = home.registry.folder(model, version) / RUNGS_PAGE
    if not path.is_file() or path.is_symlink():
        raise RungsNotFound(model, version)
    return path
