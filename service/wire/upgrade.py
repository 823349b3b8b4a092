"""Requests that offer an upgrade to another protocol, as Java's client always does: the response is HTTP/1.1.

httptools treats all bytes after the headers of such a request as the other protocol. So a second parser reads the body;
before it, this parser gets headers with the same framing.
"""

from __future__ import annotations

from types import SimpleNamespace

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.wire.reply import RawHeaders, header_lines

FRAMING = (b"content-length", b"transfer-encoding")


def body_parser(protocol: HttpToolsProtocol) -> HttpRequestParser:
    """A parser that passes only the body and the end of the message to `protocol`, not the headers."""
    return HttpRequestParser(
        SimpleNamespace(on_body=protocol.on_body, on_message_complete=protocol.on_message_complete)
    )


def head_of_body(headers: RawHeaders) -> bytes:
    """Request headers for `body_parser`, with the same framing as `headers`."""
    framing = [header for header in headers if header[0] in FRAMING]
    return b"".join([b"POST / HTTP/1.1\r\nConnection: close\r\n", *header_lines(framing), b"\r\n"])
