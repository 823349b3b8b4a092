"""Request heads (request line and headers) as parsed by uvicorn's protocol: checks, and the ASGI scope."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import unquote

from httptools import HttpRequestParser, parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.errors import RetuneError
from service.refusals import HeadTooLarge, MalformedRequest
from service.wire.reply import RawHeaders

# The limit of a request head, and of trailers. 16 KiB are enough for the longest usual cookies and tokens.
MAX_HEAD_BYTES = 16_384
# The parser accepts 0.9 and 2.0 as well.
VERSIONS = ("1.1", "1.0")


@dataclass(slots=True)
class Head:
    """A request head as received; header names are in lower case."""

    method: bytes
    target: bytes
    headers: RawHeaders
    scheme: str | None
    keep_alive: bool


def keeps_alive(parser: HttpRequestParser) -> bool:
    return bool(parser.get_http_version() != "1.0" and parser.should_keep_alive())


def head_error(request: HttpToolsProtocol) -> RetuneError | None:
    """An error that the parser does not detect."""
    version = request.parser.get_http_version()
    hosts = [name for name, _ in request.headers].count(b"host")
    if version not in VERSIONS or (version == "1.1" and hosts != 1):
        return MalformedRequest()
    # A head that arrives in one read is complete before `Connection` counts its bytes.
    if len(request.url) + sum(map(len, chain.from_iterable(request.headers))) > MAX_HEAD_BYTES:
        return HeadTooLarge(MAX_HEAD_BYTES)
    return None


def scope_of(request: HttpToolsProtocol) -> Any:
    """uvicorn's scope with the fields of the request line added. Raises `HttpParserInvalidURLError`."""
    target = parse_url(request.url)
    path = target.path.decode("ascii")
    scope = request.scope
    scope["http_version"] = request.parser.get_http_version()
    scope["method"] = request.parser.get_method().decode("ascii")
    scope["path"] = unquote(path) if "%" in path else path
    scope["raw_path"] = target.path
    scope["query_string"] = target.query or b""
    return scope


def target_in(line: bytes) -> bytes:
    """The target of a request line that the parser rejected.

    >>> target_in(b"FOO /v2/models HTTP/1.1\\r\\n"), target_in(b"\\x16\\x03")
    (b'/v2/models', b'')
    """
    return b"".join(line.split(b"\r\n", 1)[0].split(b" ")[1:2])
