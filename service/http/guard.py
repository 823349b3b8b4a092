"""The outermost ASGI app: checks and routes requests, and turns every error into a response in the error envelope.

No exception may leave it: if an exception is raised before the first byte of a response, BentoML's client waits until
its own timeout.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.api_keys import KeyScope
from core.clock import sortable_id
from core.errors import RetuneError
from service.http.envelope import error_response
from service.http.route import API, PAGES, Route, RouteGroup
from service.http.router import UNKNOWN, Router, route_template
from service.refusals import (
    BodyTooLarge,
    BodyTooSlow,
    CompressedBody,
    Overloaded,
    ServerFailure,
    Stopping,
    TimedOut,
    UnsupportedBody,
)
from service.telemetry.access_log import Entry
from service.telemetry.metrics import Metrics
from service.wire.body import Body, Headers, has_body
from service.wire.connection import Callbacks
from service.wire.heads import Head
from service.wire.reply import RawHeaders, Reply, more_headers, response_bytes

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# As in nginx's log: the client closed the connection before the response.
CLIENT_GONE = 499
OVERLOADED = 429
# Placeholder for the request id in a response template, repeated to the id's length. No id contains it.
BLANK = b"~"
TEMPLATES = TARGETS = 256
PageOf = Callable[[Request, RetuneError], Response]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TextTarget:
    """The route of a request target that takes texts: its path and the format of its errors."""

    route: str
    flat_errors: bool


@dataclass(frozen=True)
class RequestLimits:
    max_body_bytes: int
    timeout_s: float


class Guard:
    """The ASGI app of `routes`. Paths without the prefix of a group belong to the group `API`."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        require: Callable[[Request, KeyScope], None],
        metrics: Metrics,
        limits: RequestLimits,
        is_draining: Callable[[], bool] = lambda: False,
        full_for_s: Callable[[], int | None] = lambda: None,
        log: Callable[[Entry], None] = lambda _: None,
        page_of: PageOf | None = None,
    ) -> None:
        """`require` raises unless a request has the scope. `full_for_s`: seconds until the queue has room, or None.
        `page_of`: a refusal as a page, for a person whose browser shows the answer.
        """
        self.router = Router(routes)
        self._require = require
        self._metrics = metrics
        self._limits = limits
        self._groups = {route.group for route in routes} - {API}
        self._is_draining = is_draining
        self._full_for_s = full_for_s
        self._log = log
        self._page_of = page_of
        # Cached by target, because refusals at overload must take little time.
        self._text_target = lru_cache(TARGETS)(self._find_text_target)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers: Headers = dict(scope["headers"])
        request_id = _noted_id(scope.setdefault("state", {}), scope["headers"])
        body = Body(scope, receive, headers, limit_bytes=self._limits.max_body_bytes)
        reply = Reply(send, request_id, is_secure=scope.get("scheme") == "https", is_last=self._is_draining())
        try:
            refusal = await self._answer(scope, headers, body, reply)
            if refusal is not None and not reply.started:
                await body.drop_rest()
                reply.is_last |= not body.complete  # the rest of the body must not be parsed as a request
                await refusal(scope, body.receive, reply.send)
        except asyncio.CancelledError:
            if "gone" in scope["state"]:  # set by `service.wire.connection`
                reply.status = reply.status if _is_stream(scope) and reply.started else CLIENT_GONE
            elif reply.started:
                raise
            else:
                await self._refuse_stopping(scope, body, reply)
        finally:
            self._count_and_log(scope, reply.status, started)

    def callbacks(self, app: ASGIApp, *, head_s: float, stall_s: float) -> Callbacks:
        """The callbacks for a server's connections. `app`: this app, or an app that wraps it."""
        return Callbacks(app, self._head_refusal, self._full_for_s, self._early_refusal, head_s, stall_s)

    async def _answer(self, scope: Scope, headers: Headers, body: Body, reply: Reply) -> Response | None:
        """Send the route's response and return None, or return the response to an error."""
        request_id: str = scope["state"]["request_id"]
        group = self._group(scope["path"])
        limit = asyncio.timeout(self._limits.timeout_s)
        try:
            async with limit:
                response = await self._response(scope, headers, body, group)
                if scope["route"].is_stream:
                    limit.reschedule(None)
                await response(scope, body.receive, reply.send)
        except RetuneError as error:
            return self._refusal(scope, error, group)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if limit.expired():
                slow = TimedOut(self._limits.timeout_s) if body.complete else BodyTooSlow()
                return self._refusal(scope, slow, group)
            log_failure(error, request_id)
            return error_response(ServerFailure(), request_id, flat=group.flat_errors)
        return None

    async def _response(self, scope: Scope, headers: Headers, body: Body, group: RouteGroup) -> Response:
        route = self.router.find(scope)
        # The connection has checked this, but requests that arrived together may have filled the queue since.
        if route.takes_texts and (retry_after_s := self._full_for_s()) is not None:
            raise Overloaded(retry_after_s)
        request = Request(scope, body.receive)
        if route.scope is not None:
            self._require(request, route.scope)
        if has_body(headers):
            self._check_headers(headers, body, group)
        response: Response = await route.endpoint(request)
        return response

    async def _refuse_stopping(self, scope: Scope, body: Body, reply: Reply) -> None:
        """Send the response to a request that is still unanswered when the server stops."""
        reply.is_last = True
        flat = self._group(scope["path"]).flat_errors
        await error_response(Stopping(), scope["state"]["request_id"], flat=flat)(scope, body.receive, reply.send)

    def _refusal(self, scope: Scope, error: RetuneError, group: RouteGroup) -> Response:
        request = Request(scope)
        if self._page_of and group is PAGES and request.headers.get("sec-fetch-mode") == "navigate":
            return self._page_of(request, error)
        return error_response(error, scope["state"]["request_id"], flat=group.flat_errors)

    def _group(self, path: str) -> RouteGroup:
        return next((group for group in self._groups if path.startswith(group.prefix)), API)

    def _check_headers(self, headers: Headers, body: Body, group: RouteGroup) -> None:
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._limits.max_body_bytes:
            raise BodyTooLarge(self._limits.max_body_bytes)
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type.decode("latin-1") not in group.media_types:
            raise UnsupportedBody(group.expected)
        encoding = headers.get(b"content-encoding", b"identity").lower()
        if encoding in (b"gzip", b"x-gzip"):
            body.decompress()
        elif encoding != b"identity":
            raise CompressedBody

    def _head_refusal(self, error: RetuneError, target: bytes) -> bytes:
        """The response to invalid or incomplete request headers. `target`: the part of the target received so far."""
        request_id = sortable_id()
        group = self._group(unquote(target.decode("latin-1")))
        response = error_response(error, request_id, flat=group.flat_errors)
        self._metrics.count_request(UNKNOWN, response.status_code, None)
        return response_bytes(response, more_headers(request_id, is_secure=False, is_last=True))

    def _early_refusal(self, head: Head, retry_after_s: int) -> bytes | None:
        """The refusal of a request that would add texts to the full queue; None for any other request."""
        found = self._text_target(head.target.partition(b"?")[0]) if head.method == b"POST" else None
        if found is None or self._is_draining():
            return None
        state: dict[str, object] = {}
        request_id = _noted_id(state, head.headers).encode()
        self._metrics.count_request(found.route, OVERLOADED, None)
        self._log(Entry(time.time(), "POST", found.route, OVERLOADED, 0.0, state))
        blank = BLANK * len(request_id)
        refusal = refusal_template(retry_after_s, blank, found.flat_errors, head.scheme == "https", not head.keep_alive)
        return refusal.replace(blank, request_id)

    def _find_text_target(self, target: bytes) -> TextTarget | None:
        """None unless a POST to this target sends texts."""
        with suppress(RetuneError):
            route = self.router.find({"method": "POST", "path": unquote(target.decode("latin-1"))})
            return TextTarget(route.path, route.group.flat_errors) if route.takes_texts else None
        return None

    def _count_and_log(self, scope: Scope, status: int, started: float) -> None:
        seconds = time.perf_counter() - started
        route = route_template(scope)
        # Refusals are fast: thousands of them would make the latency look better than it is.
        is_timed = route != UNKNOWN and not 400 <= status < 500 and not _is_stream(scope)
        self._metrics.count_request(route, status, seconds if is_timed else None)
        self._log(Entry(time.time(), scope["method"], route, status, seconds, scope["state"]))


def _is_stream(scope: Scope) -> bool:
    route = scope.get("route")
    return isinstance(route, Route) and route.is_stream


@lru_cache(TEMPLATES)
def refusal_template(retry_after_s: int, blank: bytes, flat: bool, is_secure: bool, is_last: bool) -> bytes:
    """The refusal with `blank` in place of its request id. Cached, because there may be thousands of them a second."""
    response = error_response(Overloaded(retry_after_s), blank.decode(), flat=flat)
    return response_bytes(response, more_headers(blank.decode(), is_secure=is_secure, is_last=is_last))


def _noted_id(state: dict[str, object], headers: RawHeaders) -> str:
    """The client's request id if it is safe to log, else a new one; also written to the request's state."""
    given = next((value for name, value in headers if name == b"x-request-id"), b"")
    request_id = given.decode() if given and REQUEST_ID.fullmatch(given) else sortable_id()
    state["request_id"] = request_id
    return request_id


def log_failure(error: BaseException, request_id: str) -> None:
    # Log no exception message: it may contain a user's text.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Request %s failed with %s\n%s", request_id, type(error).__name__, frames)
