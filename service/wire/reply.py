"""The headers that every response gets: the request id, and security headers for browsers."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Message, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

RawHeaders = list[tuple[bytes, bytes]]

# Added to a response unless it already has a header of the same name.
SECURITY_HEADERS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
OVER_TLS: RawHeaders = [(b"strict-transport-security", b"max-age=31536000")]
LAST: RawHeaders = [(b"connection", b"close")]


def more_headers(request_id: str, *, is_secure: bool, is_last: bool) -> RawHeaders:
    always = [(b"x-request-id", request_id.encode()), *SECURITY_HEADERS]
    return always + (OVER_TLS if is_secure else []) + (LAST if is_last else [])


def header_lines(headers: RawHeaders) -> list[bytes]:
    return [name + b": " + value + b"\r\n" for name, value in headers]


def response_bytes(response: Response, more: RawHeaders) -> bytes:
    """The complete HTTP/1.1 response with the additional headers `more`."""
    lines = header_lines([*response.raw_headers, *more])
    return b"".join([STATUS_LINE[response.status_code], *lines, b"\r\n", bytes(response.body)])


class Reply:
    """Replaces the server's `send`. `is_last`: the connection is closed after the response."""

    def __init__(self, send: Send, request_id: str, *, is_secure: bool, is_last: bool) -> None:
        self._send = send
        self._more = more_headers(request_id, is_secure=is_secure, is_last=False)
        self.is_last = is_last
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            own: RawHeaders = message["headers"]
            names = {name for name, _ in own}
            more = self._more + LAST if self.is_last else self._more
            message["headers"] = own + [header for header in more if header[0] not in names]
        await self._send(message)
