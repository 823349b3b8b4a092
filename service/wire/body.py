"""The body of a request: its size is bounded, and the rest of a refused one is read for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import Message, Receive, Scope

from service.refusals import BodyCut, BodyTooLarge, BodyTooSlow, MalformedRequest

# How long the rest of a refused body is read: a client whose connection closes earlier may lose the answer.
DRAIN_S = 0.5
# The key in a request's state under which its connection notes why no more of the body will come.
BROKEN = "body_broken"
Headers = Mapping[bytes, bytes]


class Body:
    """Replaces the `receive` of the server. `complete`: the whole body has been received."""

    def __init__(self, scope: Scope, receive: Receive, headers: Headers, *, limit_bytes: int) -> None:
        self._state = scope["state"]
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        # Such a client sends no body before "100 Continue", which the server sends when the app asks for the body.
        self._is_held_back = headers.get(b"expect", b"").lower() == b"100-continue"
        self.complete = not has_body(headers)

    async def receive(self) -> Message:
        """Raises `BodyTooLarge`, or what the connection noted: `BodyTooSlow`, `BodyCut` or `MalformedRequest`."""
        message = await self._next_part()
        self._size_bytes += len(message.get("body", b""))
        if self._size_bytes > self._limit_bytes:
            raise BodyTooLarge(self._limit_bytes)
        return message

    async def drop_rest(self) -> None:
        """Read and drop the rest, for a bounded time, unless the client still waits for "100 Continue"."""
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
