"""A request and its response on an HTTP/1.1 connection, with the interface of ASGI.

The response headers are written together with the first part of the body. uvicorn writes them separately; the second
system call, and the second packet that wakes the client, cost 5 % of the throughput.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.wire.reply import LAST, RawHeaders, header_lines

LINE_END = b"\r\n"
logger = logging.getLogger(__name__)


class Flow(FlowControl):
    """uvicorn's flow control; while `is_held` is set, reading stays paused even if the app asks for more of a body."""

    is_held = False

    def resume_reading(self) -> None:
        if self.read_paused and not self.is_held:
            super().resume_reading()


class Exchange(RequestResponseCycle):
    """uvicorn's request cycle with our `run` and `send`; `on_response` is also called if the response is incomplete."""

    task: asyncio.Task[None] | None = None
    _head = b""
    _left: int | None = None

    @property
    def is_streaming(self) -> bool:
        """Whether a response of unknown length has begun."""
        return self.response_started and not self.response_complete and self._left is None

    async def run(self, app: Any) -> None:
        """Run the app. An incomplete response closes the connection: the next response would be read as its rest."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:  # nothing awaits this task; a stopping server cancels it
            logger.error("A request has no answer: %s", type(error).__name__)
        if not (self.response_complete or self.disconnected):
            self.keep_alive = False
            self.on_response()

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self.waiting_for_100_continue = False
            self.response_started = True
            self._head = self._head_of(message["status"], message["headers"])
            return
        body = b"" if self.scope["method"] == "HEAD" else message.get("body", b"")
        if self._left is not None:
            self._left -= len(body)
        self.transport.write(self._head + body)
        self._head = b""
        if not message.get("more_body", False):
            self.response_complete = True
            if self._left:  # the body is shorter than Content-Length, so only closing the connection ends it
                self.keep_alive = False
            self.message_event.set()
            self.on_response()

    def _head_of(self, status: int, given: RawHeaders) -> bytes:
        headers = self.default_headers + given
        has_close = False
        for name, value in headers:
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection":
                has_close = value.lower() == b"close"
        # Without Content-Length the end of the connection marks the end of the body.
        self.keep_alive &= self._left is not None and not has_close
        if not (self.keep_alive or has_close):
            headers += LAST
        if self.scope["method"] == "HEAD":
            self._left = 0
        lines = header_lines(headers)
        head = b"".join([STATUS_LINE[status], *lines, LINE_END])
        # A line break in a value would be read as another header, or as another response.
        if not head.count(b"\r") == head.count(b"\n") == len(lines) + 2:
            raise ValueError("a header of an answer holds a line break")
        return head
