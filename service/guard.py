"""The outermost layer: what it lets in is small, JSON and routed; what it lets out is whole, or an envelope.

Nothing that happens inside may reach the frame around it: an exception that escapes before the first
byte of an answer leaves BentoML's client waiting until its own timeout.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Message, Receive, Scope, Send

from core.clock import sortable_id
from core.errors import RetuneError
from service.envelope import error_response, failure_response
from service.metrics import Metrics
from service.refusals import BodyTooLarge, BodyTooSlow, TookTooLong, UnknownPath, UnsupportedBody, WrongMethod
from service.transport import Door

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
UNKNOWN_ROUTE = "(unknown)"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A refused body is read on for a moment: to close at once would tear the answer away from the client.
DRAIN_S = 0.5
# Where an answer says nothing else of itself.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
ONLY_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
logger = logging.getLogger(__name__)


class Guard:
    """An ASGI app over `routes`; paths below `form_prefix` take forms, all others JSON.

    `admit` raises for a request that may not enter its route, which it finds in the scope; nothing of the body is read.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        admit: Callable[[Request], None],
        metrics: Metrics,
        max_body_bytes: int,
        timeout_s: float,
        stall_s: float,
        form_prefix: str,
        is_draining: Callable[[], bool] = lambda: False,
        require_room: Callable[[], None] = lambda: None,
    ) -> None:
        """`require_room` raises when the engine has enough to do."""
        self._stall_s = stall_s
        self._is_draining = is_draining
        self._require_room = require_room
        self._routes = routes
        self._admit = admit
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._timeout_s = timeout_s
        self._form_prefix = form_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        body = _Body(receive, self._max_body_bytes, self._stall_s, complete=not _has_body(Headers(scope=scope)))
        reply = _Reply(send, request_id, last=self._is_draining(), is_secure=scope.get("scheme") == "https")
        refusal = await self._answer(scope, body, reply)
        if refusal is not None and not reply.started:
            await body.drop_rest()
            await refusal(scope, body.next_part, reply.send)
        self._metrics.count_request(_template(scope), reply.status, time.perf_counter() - started)

    def door(self, *, head_s: float, stall_s: float) -> Door:
        """What the connections of a server ask of this app."""
        return Door(self, self._refusal, self._early, head_s, stall_s)

    def _refusal(self, error: RetuneError) -> Response:
        response = error_response(error, sortable_id())
        self._metrics.count_request(UNKNOWN_ROUTE, response.status_code, 0.0)
        return response

    def _early(self, scope: Scope) -> Response | None:
        """A refusal that needs no more than the head: more texts for an engine that has enough to do."""
        if scope["path"] != "/predict":
            return None
        try:
            self._require_room()
        except RetuneError as error:
            request_id = _request_id(scope)
            response = error_response(error, request_id)
            response.headers["X-Request-ID"] = request_id
            self._metrics.count_request(scope["path"], response.status_code, 0.0)
            return response
        return None

    async def _answer(self, scope: Scope, body: _Body, reply: _Reply) -> Response | None:
        """Let the route answer; a response to send instead, when it did not."""
        request_id: str = scope["state"]["request_id"]
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                route = self._route(scope)
                self._admit(Request(scope))
                self._check_headers(scope)
                await route.handle(scope, body.receive, reply.send)
        except RetuneError as error:
            return error_response(error, request_id)
        except (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
            raise
        except BaseException as error:
            if deadline.expired():
                slow = BodyTooSlow() if not body.complete else TookTooLong(self._timeout_s)
                return error_response(slow, request_id)
            _log_failure(error, request_id)
            return failure_response(request_id)
        return None

    def _route(self, scope: Scope) -> Route:
        """The route of a request, noted in its scope; raises `UnknownPath` or `WrongMethod`."""
        partial: Route | None = None
        for route in self._routes:
            match, child = route.matches(scope)
            if match is Match.NONE:
                continue
            scope["route"] = partial = route
            if match is Match.FULL:
                scope.update(child)
                return route
        if partial is None:
            raise UnknownPath
        raise WrongMethod(scope["method"], partial.methods or ())

    def _check_headers(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if not _has_body(headers):
            return
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise BodyTooLarge(self._max_body_bytes)
        expected = FORM if scope["path"].startswith(self._form_prefix) else JSON
        if headers.get("content-type", "").partition(";")[0].strip().lower() != expected:
            raise UnsupportedBody(expected)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedBody(f"{expected} without Content-Encoding")


class _Body:
    """The request's body, counted as it comes in."""

    def __init__(self, receive: Receive, limit_bytes: int, stall_s: float, *, complete: bool) -> None:
        self._receive = receive
        self._stall_s = stall_s
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self.complete = complete

    async def receive(self) -> Message:
        message = await self.next_part()
        self._size_bytes += len(message.get("body", b""))
        if self._size_bytes > self._limit_bytes:
            raise BodyTooLarge(self._limit_bytes)
        return message

    async def next_part(self) -> Message:
        if self.complete:
            return await self._receive()  # that the client has gone
        try:
            async with asyncio.timeout(self._stall_s):
                message = await self._receive()
        except TimeoutError as error:
            raise BodyTooSlow from error
        self.complete = not message.get("more_body", False)
        return message

    async def drop_rest(self) -> None:
        """Read what is left, for a bounded time, and keep none of it."""
        try:
            async with asyncio.timeout(DRAIN_S):
                while not self.complete:
                    await self.next_part()
        except (TimeoutError, BodyTooSlow):
            return


class _Reply:
    """The answer on its way out, with its id and what tells a browser to be careful."""

    def __init__(self, send: Send, request_id: str, *, last: bool, is_secure: bool) -> None:
        """`last`: the connection is closed after it."""
        self._send = send
        self._request_id = request_id
        self._last = last
        self._headers = SECURITY_HEADERS | ONLY_OVER_TLS if is_secure else SECURITY_HEADERS
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if self._last:
                headers["Connection"] = "close"
        await self._send(message)


def _log_failure(error: BaseException, request_id: str) -> None:
    # Without the exception's text, which may hold a user's.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Request %s failed with %s\n%s", request_id, type(error).__name__, frames)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _request_id(scope: Scope) -> str:
    """The client's own id if it is harmless in a log line, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else sortable_id()


def _template(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(route.path) if isinstance(route, Route) else UNKNOWN_ROUTE
