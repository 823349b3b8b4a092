"""The body of a request: limits its size, and reads the rest of a refused body for a short time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import Message, Receive, Scope

from service.refusals import BodyCut, BodyTooLarge, BodyTooSlow, MalformedRequest
from service.wire.gunzip import Gunzip

# How long the rest of a refused body is read: if the connection closes earlier, the client may lose the response.
DRAIN_S = 0.5
# Key in a request's state for the error with which the connection ends the body early.
BROKEN = "body_broken"
Headers = Mapping[bytes, bytes]


class Body:
    """Replaces the server's `receive`. `complete`: the whole body has been received."""

    def __init__(self, scope: Scope, receive: Receive, headers: Headers, *, limit_bytes: int) -> None:
        self._state = scope["state"]
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        # The client sends the body after "100 Continue", which the server sends when the app asks for the body.
        self._awaits_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        self._gzip: Gunzip | None = None
        self.complete = not has_body(headers)

    def decompress(self) -> None:
        """The body is gzip; the limit holds for the bytes received and for what they decompress to."""
        self._gzip = Gunzip(self._limit_bytes)

    async def receive(self) -> Message:
        """Raises `BodyTooLarge`, `BodyDamaged`, or the connection's error: `BodyTooSlow`, `BodyCut` or
        `MalformedRequest`.
        """
        message = await self._next_part()
        self._size_bytes += len(message.get("body", b""))
        if self._size_bytes > self._limit_bytes:
            raise BodyTooLarge(self._limit_bytes)
        if self._gzip is not None:
            message["body"] = self._gzip.next_part(message.get("body", b""), is_last=self.complete)
        return message

    async def drop_rest(self) -> None:
        """Read and drop the rest for at most `DRAIN_S`, unless the client still waits for "100 Continue"."""
        if self._awaits_continue:
            return
        with suppress(TimeoutError, BodyTooSlow, BodyCut, MalformedRequest):
            async with asyncio.timeout(DRAIN_S):
                while not self.complete:
                    await self._next_part()

    async def _next_part(self) -> Message:
        self._awaits_continue = False
        message = await self._receive()
        if (broken := self._state.get(BROKEN)) is not None:
            self.complete = True
            raise broken
        self.complete = not message.get("more_body", False)
        return message


def has_body(headers: Headers) -> bool:
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
