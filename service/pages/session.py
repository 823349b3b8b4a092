"""Log in to the pages and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import RetuneError
from service.access.origin import scheme_of
from service.access.sessions import COOKIE, SESSION_S
from service.http.route import PAGES, Route
from service.pages.shell import LOG_IN, ROOT, Form, Shell, form_of, local_path, to_page
from service.refusals import KeyRefused
from service.worker import Worker

WRONG = "Wrong token or key"


class Endpoints:
    def __init__(self, worker: Worker, shell: Shell) -> None:
        self._worker, self._shell = worker, shell

    def routes(self) -> list[Route]:
        return [
            Route("/", _to_pages, scope=None, group=PAGES),
            Route(LOG_IN, self.form, scope=None, group=PAGES),
            Route(ROOT, self.log_in, method="POST", scope=None, group=PAGES),
            self._shell.change("/-/log-out", self.log_out, scope="label"),
        ]

    async def form(self, request: Request) -> Response:
        goal = local_path(request.query_params.get("next", ROOT))
        return self._shell.render(request, "login.html", wrong="", next=goal, is_lost=False)

    async def log_in(self, request: Request) -> Response:
        """Without a form token: there is no session yet, and `Access.new_session` checks the origin."""
        form = form_of(await request.body())
        goal = local_path(form.get("next", ROOT))
        try:
            session = await self._worker.run_for_operator(
                self._worker.access.new_session, request, form.get("token", "").strip()
            )
        except KeyRefused:
            return self._shell.render(request, "login.html", status=401, wrong=WRONG, next=goal, is_lost=False)
        except RetuneError as error:
            return self._shell.refusal(request, error)
        response = RedirectResponse(goal, status_code=303)
        is_secure = scheme_of(request) == "https"
        response.set_cookie(
            COOKIE, session, max_age=SESSION_S, path=ROOT, httponly=True, samesite="strict", secure=is_secure
        )
        return response

    async def log_out(self, _request: Request, _form: Form) -> Response:
        response = to_page()
        response.delete_cookie(COOKIE, path=ROOT)
        return response


async def _to_pages(_: Request) -> Response:
    return RedirectResponse(ROOT)
