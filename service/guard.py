"""The outermost layer: what it lets in is small, typed and routed; what it lets out is whole, or an envelope.

Nothing that happens inside may reach the frame around it: an exception that escapes before the first
byte of an answer leaves BentoML's client waiting until its own timeout.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Message, Receive, Scope, Send

from core.clock import sortable_id
from core.errors import RetuneError
from service.envelope import error_response, failure_response
from service.metrics import Metrics
from service.refusals import BodyTooLarge, BodyTooSlow, TookTooLong, UnknownPath, UnsupportedBody, WrongMethod
from service.surface import PROGRAMS, Surface

UNKNOWN_ROUTE = "(unknown)"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A refused body is read on for a moment: to close at once would tear the answer away from the client.
DRAIN_S = 0.5
logger = logging.getLogger(__name__)


class Guard:
    """An ASGI app over `routes`; paths below none of the prefixes of `surfaces` are `PROGRAMS`."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        metrics: Metrics,
        max_body_bytes: int,
        timeout_s: float,
        surfaces: Sequence[Surface],
    ) -> None:
        self._routes = routes
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._timeout_s = timeout_s
        self._surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        body = _Body(receive, self._max_body_bytes, complete=not _has_body(Headers(scope=scope)))
        reply = _Reply(send, request_id)
        refusal = await self._answer(scope, body, reply)
        if refusal is not None and not reply.started:
            await body.drop_rest()
            await refusal(scope, body.next_part, reply.send)
        self._metrics.count_request(_template(scope), reply.status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, body: _Body, reply: _Reply) -> Response | None:
        """Let the route answer; a response to send instead, when it did not."""
        request_id: str = scope["state"]["request_id"]
        surface = self._surface(scope["path"])
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                route = self._route(scope)
                self._check_headers(scope, surface)
                await route.handle(scope, body.receive, reply.send)
        except RetuneError as error:
            return error_response(error, request_id, flat=surface.flat_errors)
        except (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
            raise
        except BaseException as error:
            if deadline.expired():
                slow = BodyTooSlow(self._timeout_s) if not body.complete else TookTooLong(self._timeout_s)
                return error_response(slow, request_id, flat=surface.flat_errors)
            _log_failure(error, request_id)
            return failure_response(request_id, flat=surface.flat_errors)
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

    def _surface(self, path: str) -> Surface:
        return next((surface for surface in self._surfaces if path.startswith(surface.prefix)), PROGRAMS)

    def _check_headers(self, scope: Scope, surface: Surface) -> None:
        headers = Headers(scope=scope)
        if not _has_body(headers):
            return
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise BodyTooLarge(self._max_body_bytes)
        if headers.get("content-type", "").partition(";")[0].strip().lower() not in surface.media_types:
            raise UnsupportedBody(surface.expected)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedBody(f"{surface.expected} without Content-Encoding")


class _Body:
    """The request's body, counted as it comes in."""

    def __init__(self, receive: Receive, limit_bytes: int, *, complete: bool) -> None:
        self._receive = receive
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
        message = await self._receive()
        self.complete = not message.get("more_body", False)
        return message

    async def drop_rest(self) -> None:
        """Read what is left, for a bounded time, and keep none of it."""
        try:
            async with asyncio.timeout(DRAIN_S):
                while not self.complete:
                    await self.next_part()
        except TimeoutError:
            return


class _Reply:
    """The answer on its way out, with its id."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
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
