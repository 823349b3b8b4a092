"""A request and its answer on a connection of HTTP/1.1, as ASGI has them.

The head of an answer waits for its body. uvicorn sends them one by one, and the second system call, and the
second packet that the client wakes up for, take a twentieth of the throughput.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.wire.reply import LAST, RawHeaders

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
LINE_END = b"\r\n"
logger = logging.getLogger(__name__)


class Exchange:
    """What an app is given of one request; uvicorn's protocol knows the public names of it."""

    def __init__(
        self,
        scope: Scope,
        transport: asyncio.Transport,
        flow: FlowControl,
        *,
        always: RawHeaders,
        keep_alive: bool,
        asks_to_go_on: bool,
        on_read: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """`always`: headers of every answer. `asks_to_go_on`: the client sends its body once it is told to. `on_read`
        is called when the app asks for more of it, `on_end` when the whole answer is written.
        """
        self.scope = scope
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.message_event = asyncio.Event()
        self.disconnected = False
        self.response_complete = False
        self.task: asyncio.Task[None] | None = None
        self._transport = transport
        self._flow = flow
        self._always = always
        self._asks_to_go_on = asks_to_go_on
        self._on_read = on_read
        self._on_end = on_end
        self._has_no_body = scope["method"] == "HEAD"
        self._head = b""
        self._left: int | None = None

    async def run(self, app: ASGIApp) -> None:
        """Hang up on a client whose answer does not come to its end: what else is sent it would take for the rest."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:  # nobody is above a task; among them the end of the server, which cancels it
            logger.error("A request has no answer: %s", type(error).__name__)
        if not (self.response_complete or self.disconnected):
            self._transport.close()

    async def receive(self) -> Message:
        if self._asks_to_go_on and not self._transport.is_closing():
            self._asks_to_go_on = False
            self._transport.write(GO_ON)
        if not (self.disconnected or self.response_complete):
            self._on_read()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._asks_to_go_on = False
            self._head = self._begun(message["status"], message["headers"])
            return
        body = b"" if self._has_no_body else message.get("body", b"")
        if self._left is not None:
            self._left -= len(body)
        self._transport.write(self._head + body)
        self._head = b""
        if not message.get("more_body", False):
            self._end()

    def _begun(self, status: int, given: RawHeaders) -> bytes:
        headers = self._always + given
        says_so = False
        for name, value in headers:
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection":
                says_so = value.lower() == b"close"
        # Without a length the end of the connection is that of the body.
        self.keep_alive &= self._left is not None and not says_so
        if not (self.keep_alive or says_so):
            headers += LAST
        if self._has_no_body:
            self._left = 0
        lines = [name + b": " + value + LINE_END for name, value in headers]
        head = b"".join([STATUS_LINE[status], *lines, LINE_END])
        # A value that breaks its line would be read as headers, or as another answer.
        if not head.count(b"\r") == head.count(b"\n") == len(lines) + 2:
            raise ValueError("a header of an answer holds a line break")
        return head

    def _end(self) -> None:
        self.response_complete = True
        self.message_event.set()
        # What is shorter than was said can only end by the end of the connection.
        if not self.keep_alive or self._left:
            self._transport.close()
        self._on_end()
