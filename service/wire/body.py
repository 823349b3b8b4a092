"""The body of a request on its way in, counted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import Message, Receive, Scope

from service.refusals import BodyCut, BodyTooLarge, BodyTooSlow, MalformedRequest

# A refused body is read on for a moment: to close at once would tear the answer away from the client.
DRAIN_S = 0.5
# Where our transport notes in a request's state why no more of its body will come.
BROKEN = "body_broken"
Headers = Mapping[bytes, bytes]


class Body:
    """Takes the place of the server's `receive`. `complete`: nothing of it is still to come."""

    def __init__(self, scope: Scope, receive: Receive, headers: Headers, *, limit_bytes: int) -> None:
        self._state = scope["state"]
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        # A client that waits to be told to go on sends nothing before; a server tells it when it is asked for the body.
        self._is_held_back = headers.get(b"expect", b"").lower() == b"100-continue"
        self.complete = not has_body(headers)

    async def receive(self) -> Message:
        """Raises `BodyTooLarge`, or what our transport found wrong: `BodyTooSlow`, `BodyCut` or `MalformedRequest`."""
        message = await self._next_part()
        self._size_bytes += len(message.get("body", b""))
        if self._size_bytes > self._limit_bytes:
            raise BodyTooLarge(self._limit_bytes)
        return message

    async def drop_rest(self) -> None:
        """Read what is left, for a bounded time, and keep none of it; nothing of what nobody has asked for yet."""
        if self._is_held_back:
            return
        with suppress(TimeoutError, BodyTooSlow, BodyCut, MalformedRequest):
            async with asyncio.timeout(DRAIN_S):
                while not self.complete:
                    await self._next_part()

    async def _next_part(self) -> Message:
        self._is_held_back = False
        message = await self._receive()
        if (broken := self._state.get(BROKEN)) is not None:
            self.complete = True
            raise broken
        self.complete = not message.get("more_body", False)
        return message


def has_body(headers: Headers) -> bool:
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
