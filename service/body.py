"""The body of a request on its way in: counted, and not waited for without an end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope

from service.refusals import BodyCut, BodyTooLarge, BodyTooSlow

# A refused body is read on for a moment: to close at once would tear the answer away from the client.
DRAIN_S = 0.5
Headers = Mapping[bytes, bytes]


class Body:
    """Takes the place of the server's `receive`. `complete`: nothing of it is still to come."""

    def __init__(self, scope: Scope, receive: Receive, headers: Headers, *, limit_bytes: int, stall_s: float) -> None:
        self._state = scope["state"]
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._stall_s = stall_s
        self._size_bytes = 0
        self.complete = not has_body(headers)

    async def receive(self) -> Message:
        """Raises `BodyTooLarge`, `BodyTooSlow`, or `BodyCut` where the client has hung up in the middle."""
        message = await self._next_part()
        if "cut" in self._state:
            self.complete = True
            raise BodyCut
        self._size_bytes += len(message.get("body", b""))
        if self._size_bytes > self._limit_bytes:
            raise BodyTooLarge(self._limit_bytes)
        return message

    async def drop_rest(self) -> None:
        """Read what is left, for a bounded time, and keep none of it."""
        try:
            async with asyncio.timeout(DRAIN_S):
                while not self.complete:
                    await self._next_part()
        except (TimeoutError, BodyTooSlow):
            return

    async def _next_part(self) -> Message:
        if self.complete:
            return await self._receive()  # that the client has gone
        try:
            async with asyncio.timeout(self._stall_s):
                message = await self._receive()
        except TimeoutError as error:
            raise BodyTooSlow from error
        self.complete = not message.get("more_body", False)
        return message


def has_body(headers: Headers) -> bool:
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
