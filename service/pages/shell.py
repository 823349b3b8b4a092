"""What all pages share: templates, headers, who may see them, and forms that only their own pages can send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.audit.words import done_words, facts_in_words
from core.clock import day, moment
from core.duration import in_words
from core.errors import RetuneError
from core.gate_words import points
from core.job_rows import is_lost
from core.loop.standing import told_words
from core.overview.words import (
    accuracy_words,
    alert_words,
    checked_words,
    process_words,
    request_words,
    traffic_words,
    up_words,
    verdict_words,
)
from core.share import percent
from core.version_diff.words import label_words, rows_words, share_words
from service.access.access import Access
from service.http.envelope import error_response, headers_of, json_response, status_of
from service.http.guard import log_failure
from service.http.route import PAGES, Endpoint, Route
from service.pages.assets import asset_url
from service.pages.prompts import cure, prompt
from service.pages.uploads import UploadedFile, file_of
from service.refusals import AdminTokenRequired, KeyRefused, KeyRequired, ScopeMissing, ServerFailure

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
TOKEN_FIELD = "form_token"
ROOT = "/dashboard"
LOG_IN = f"{ROOT}/-/log-in"
MAX_NEXT_CHARS = 500
LABEL = "label"
ROOMS = [("", "Overview"), (LABEL, "Label"), ("versions", "Versions"), ("checks", "Checks"), ("history", "History")]
"""The pages of a model: the last part of the address, and its name."""
PageScope = Literal["admin", "label"]
Form = Mapping[str, str]
"""The fields of a form; of one that was sent several times, the last."""
Change = Callable[[Request, Form], Awaitable[Response]]
Take = Callable[[Request, Form, UploadedFile], Awaitable[Response]]


class Shell:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._templates = Environment(
            loader=PackageLoader("service.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            moment=moment,
            day=day,
            percent=percent,
            points=points,
            duration=in_words,
            is_lost=is_lost,
            segment=segment,
            query=query_of,
            done_words=done_words,
            facts_in_words=facts_in_words,
            prompt=prompt,
            told_words=told_words,
            traffic_words=traffic_words,
            verdict_words=verdict_words,
            checked_words=checked_words,
            accuracy_words=accuracy_words,
            share=share_words,
            label_words=label_words,
            rows_words=rows_words,
            capitalize_first=lambda words: words[:1].upper() + words[1:],
            alert_words=alert_words,
            process_words=process_words,
            request_words=request_words,
            up_words=up_words,
        )
        self._templates.globals.update(asset=asset_url)

    def page(self, path: str, page: Endpoint, *, scope: PageScope = "admin") -> Route:
        """A page. Errors are shown as a page; a missing or ended session as the form to log in."""
        return Route(ROOT + path, self._for_person(page, scope), scope=None, group=PAGES)

    def data(self, path: str, endpoint: Endpoint, *, scope: PageScope = "admin", is_stream: bool = False) -> Route:
        """JSON or events for a page's script; errors are in the envelope of the API."""
        return Route(ROOT + path, self._for_script(endpoint, scope), scope=None, group=PAGES, is_stream=is_stream)

    def change(self, path: str, change: Change, *, scope: PageScope = "admin") -> Route:
        """A form of a page, sent by POST with the page's token."""
        changed = self._with_form(change)
        return Route(ROOT + path, self._for_person(changed, scope), method="POST", scope=None, group=PAGES)

    def upload(self, path: str, take: Take, *, scope: PageScope = "admin") -> Route:
        """As `change`, of a form with a file in its field `file`."""

        async def taken(request: Request) -> Response:
            form, file = await file_of(request)
            self._access.require_form_token(request, form.get(TOKEN_FIELD, ""))
            return await take(request, form, file)

        return Route(ROOT + path, self._for_person(taken, scope), method="POST", scope=None, group=PAGES)

    def change_by_script(self, path: str, change: Change, *, scope: PageScope = "admin") -> Route:
        """As `change`, for a page's script: the answer is JSON, errors in the envelope of the API."""
        changed = self._with_form(change)
        return Route(ROOT + path, self._for_script(changed, scope), method="POST", scope=None, group=PAGES)

    def form_token(self, request: Request) -> str:
        """Of the forms and scripts of the pages of this session."""
        return self._access.form_token(request)

    def render(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        shared = {
            "who": request.scope["state"].get("who"),
            "is_operator": request.scope["state"].get("is_operator", False),
            "token": self.form_token(request),
            "path": request.url.path,
        }
        content = self._templates.get_template(template).render(**shared, **facts)
        return HTMLResponse(content, status_code=status, headers=HEADERS)

    def render_of_model(self, request: Request, template: str, model: str, **facts: Any) -> Response:
        """A page of a model, with links to its other pages; those who only label get the one for labels."""
        is_operator = request.scope["state"].get("is_operator", False)
        rooms = ROOMS if is_operator else [room for room in ROOMS if room[0] == LABEL]
        return self.render(request, template, name=model, rooms=rooms, **facts)

    def refusal(self, request: Request, error: RetuneError) -> Response:
        status = status_of(error)
        if isinstance(error, AdminTokenRequired | KeyRefused | KeyRequired):
            is_lost = request.method != "GET"
            # A browser notes a page with status 401 as an error on its console.
            if not is_lost and request.headers.get("sec-fetch-mode") == "navigate":
                return RedirectResponse(f"{LOG_IN}?{urlencode({'next': self._back(request)})}", status_code=303)
            return self.render(request, "login.html", status=401, wrong="", next=self._back(request), is_lost=is_lost)
        if isinstance(error, ScopeMissing) and request.url.path == ROOT:
            return RedirectResponse(f"{ROOT}/-/label", status_code=303)
        back = _above(request.url.path) if request.method == "GET" else self._back(request)
        answer = self.render(request, "message.html", status=status, message=str(error), back=back, cure=cure(error))
        answer.headers.update(headers_of(error, status))
        return answer

    def _failure(self, request: Request, error: Exception) -> Response:
        request_id: str = request.scope["state"]["request_id"]
        log_failure(error, request_id)
        return self.render(
            request, "message.html", status=500, message=f"{ServerFailure()} ({request_id})", back=ROOT, cure=None
        )

    def _with_form(self, change: Change) -> Endpoint:
        """Raises `FormExpired`."""

        async def changed(request: Request) -> Response:
            form = form_of(await request.body())
            self._access.require_form_token(request, form.get(TOKEN_FIELD, ""))
            return await change(request, form)

        return changed

    def _for_person(self, endpoint: Endpoint, scope: PageScope) -> Endpoint:
        async def answered(request: Request) -> Response:
            try:
                self._access.require(request, scope)
                return await endpoint(request)
            except RetuneError as error:
                return self.refusal(request, error)
            except Exception as error:  # shown as a page, too; the log has the details
                return self._failure(request, error)

        return answered

    def _for_script(self, endpoint: Endpoint, scope: PageScope) -> Endpoint:
        async def answered(request: Request) -> Response:
            try:
                self._access.require(request, scope)
                answer = await endpoint(request)
            except RetuneError as error:
                answer = error_response(error, request.scope["state"]["request_id"])
            answer.headers["Cache-Control"] = "no-store"
            return answer

        return answered

    def _back(self, request: Request) -> str:
        """The page to return to: this one, or the one whose form was sent."""
        if request.method == "GET":
            query = f"?{request.url.query}" if request.url.query else ""
            return local_path(request.url.path + query)
        referer = request.headers.get("referer", "")
        at = referer.find(ROOT)
        return local_path(referer[at:] if at >= 0 else ROOT)


def _above(path: str) -> str:
    """The page of the model that a page belongs to, or the first page.

    >>> _above("/dashboard/tickets/versions/9"), _above("/dashboard/nope"), _above("/dashboard/-/jobs/9")
    ('/dashboard/tickets', '/dashboard', '/dashboard')
    """
    parts = path.removeprefix(ROOT).strip("/").split("/")
    return local_path(f"{ROOT}/{quote(parts[0], safe='')}") if len(parts) > 1 and parts[0] != "-" else ROOT


def form_of(body: bytes) -> Form:
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def local_path(path: str) -> str:
    """The path if it is one of the dashboard, else the dashboard's.

    >>> local_path("/dashboard/tickets"), local_path("//example.org"), local_path("/dashboard.example.org")
    ('/dashboard/tickets', '/dashboard', '/dashboard')
    """
    is_ours = path == ROOT or path.startswith((f"{ROOT}/", f"{ROOT}?"))
    return path if is_ours and len(path) <= MAX_NEXT_CHARS and path.isprintable() else ROOT


def to_page(*parts: str, **query: str) -> Response:
    """Back to a page after a change, so that loading it again does not repeat the change."""
    path = "/".join([ROOT, *(quote(part, safe="") for part in parts)])
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, status_code=303)


def rendered_json(content: object) -> Response:
    return json_response(content, headers={"Cache-Control": "no-store"})


def segment(name: str) -> str:
    """A name as one part of a path.

    >>> segment("a/b ü")
    'a%2Fb%20%C3%BC'
    """
    return quote(name, safe="")


def query_of(parameters: Mapping[str, object]) -> str:
    """
    >>> query_of({"of": None, "model": "a&b", "before": 7})
    'model=a%26b&before=7'
    """
    return urlencode({name: value for name, value in parameters.items() if value is not None})
