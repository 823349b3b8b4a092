"""The dashboard's routes: server-rendered pages without scripts, and a button for a retrain."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from core.duration import in_words
from core.errors import RetuneError
from core.job_rows import is_lost
from core.share import percent
from service.access.actor import actor_of
from service.access.origin import scheme_of
from service.access.sessions import COOKIE, SESSION_S
from service.http.admin import enqueue_retrain
from service.http.envelope import headers_of, status_of
from service.http.jobs import cancel_job, job_id_in
from service.http.route import PAGES, Endpoint, Route
from service.pages.report_files import report_file
from service.pages.views import model_rows, model_view
from service.refusals import AdminTokenRequired, KeyRefused, ReportNotFound
from service.worker import Worker

PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
}
# Reports contain scripts. The sandbox gives them an origin of their own, without network access.
REPORT_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
    ),
}
MAX_ID_DIGITS = 18


class Pages:
    """Needs the scope `admin`, like /admin. The pages check it themselves, so that a refusal is shown as a page."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._access = worker.access
        self._templates = Environment(
            loader=PackageLoader("service.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(moment=moment, percent=percent, duration=in_words, is_lost=is_lost)

    def routes(self) -> list[Route]:
        return [
            Route("/", to_dashboard, scope=None, group=PAGES),
            self._route("/dashboard", self.models),
            self._route("/dashboard", self.log_in, method="POST", is_open=True),
            self._route("/dashboard/{model}", self.model),
            self._route("/dashboard/{model}/retrain", self.retrain, method="POST"),
            self._route("/dashboard/{model}/jobs/{id}/cancel", self.cancel, method="POST"),
            self._route("/dashboard/{model}/reports/{check_id}", self.report),
        ]

    def _route(self, path: str, page: Endpoint, *, method: str = "GET", is_open: bool = False) -> Route:
        """Errors are shown as a page, a missing or wrong token as the login form. `is_open`: needs no scope."""

        async def answered(request: Request) -> Response:
            try:
                if not is_open:
                    self._access.require(request, "admin")
                return await page(request)
            except (AdminTokenRequired, KeyRefused):
                return self.render("login.html", status=401, wrong=False)
            except RetuneError as error:
                answer = self.render("message.html", status=status_of(error), message=str(error))
                answer.headers.update(headers_of(error, status_of(error)))
                return answer

        return Route(path, answered, method=method, scope=None, group=PAGES)

    def render(self, template: str, *, status: int = 200, **facts: Any) -> Response:
        content = self._templates.get_template(template).render(**facts)
        return HTMLResponse(content, status_code=status, headers=PAGE_HEADERS)

    async def models(self, _: Request) -> Response:
        return self.render("models.html", models=await self._worker.run_for_operator(model_rows, self._worker))

    async def model(self, request: Request) -> Response:
        view = await self._worker.run_for_operator(model_view, self._worker, request.path_params["model"])
        return self.render("model.html", view=view)

    async def retrain(self, request: Request) -> Response:
        model = request.path_params["model"]
        await self._worker.run_for_operator(enqueue_retrain, self._worker.home, model, actor_of(request))
        return RedirectResponse(f"/dashboard/{quote(model)}", status_code=303)

    async def cancel(self, request: Request) -> Response:
        job_id, actor = job_id_in(request), actor_of(request)
        await self._worker.run_for_operator(cancel_job, self._worker.home, job_id, actor)
        return RedirectResponse(f"/dashboard/{quote(request.path_params['model'])}", status_code=303)

    async def report(self, request: Request) -> Response:
        path = await self._worker.run_for_operator(
            report_path, self._worker, request.path_params["model"], request.path_params["check_id"]
        )
        return FileResponse(path, media_type="text/html", headers=REPORT_HEADERS)

    async def log_in(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        try:
            session = await self._worker.run_for_operator(self._access.new_session, request, form.get("token", [""])[0])
        except KeyRefused:
            return self.render("login.html", status=401, wrong=True)
        response = RedirectResponse("/dashboard", status_code=303)
        response.set_cookie(
            COOKIE,
            session,
            max_age=SESSION_S,
            path="/dashboard",
            httponly=True,
            samesite="strict",
            secure=scheme_of(request) == "https",
        )
        return response


async def to_dashboard(_: Request) -> Response:
    return RedirectResponse("/dashboard")


def report_path(worker: Worker, model: str, check_id: str) -> Path:
    """The check's report, which must be a file in the home. Raises `ModelNotFound` or `ReportNotFound`."""
    worker.home.registry.require_model(model)
    number = int(check_id) if check_id.isascii() and check_id.isdigit() and len(check_id) <= MAX_ID_DIGITS else 0
    check = worker.home.ledger.check(model, number)
    path = report_file(worker.config.home, check) if check else None
    if path is None:
        raise ReportNotFound(number)
    return path


def moment(stored: str) -> str:
    """
    >>> moment("2026-01-31T09:30:00.000000+00:00")
    '31 Jan 2026, 09:30 UTC'
    """
    return datetime.fromisoformat(stored).strftime("%d %b %Y, %H:%M UTC")
