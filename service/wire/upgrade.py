"""Requests that offer to go on in another protocol, as Java's client does with each: they are answered in HTTP/1.1.

httptools takes all bytes behind such a head for the other protocol, so a second parser reads them as the body. It gets
a head with the same framing first.
"""

from __future__ import annotations

from types import SimpleNamespace

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.wire.reply import RawHeaders, header_lines

FRAMING = (b"content-length", b"transfer-encoding")


def body_parser(protocol: HttpToolsProtocol) -> HttpRequestParser:
    """Reads one body and its end for `protocol`, and no head."""
    return HttpRequestParser(
        SimpleNamespace(on_body=protocol.on_body, on_message_complete=protocol.on_message_complete)
    )


def head_of_body(headers: RawHeaders) -> bytes:
    """A head for that parser, with the framing of the request's `headers`."""
    framing = [header for header in headers if header[0] in FRAMING]
    return b"".join([b"POST / HTTP/1.1\r\nConnection: close\r\n", *header_lines(framing), b"\r\n"])
