"""Heads of requests that uvicorn's protocol has read: checks, the ASGI scope, and heads that were refused before."""

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
from service.wire.upgrade import FRAMING

# Clients and proxies may write heads without end; 16 KiB hold the longest cookies and tokens there are. Trailers, which
# are dropped, may be as large.
MAX_HEAD_BYTES = 16_384
# The parser accepts 0.9 and 2.0 as well.
VERSIONS = ("1.1", "1.0")
HEAD_END = b"\r\n\r\n"
KNOWN_HEADS, KNOWN_HEAD_BYTES = 1024, 1024


@dataclass(slots=True)
class Head:
    """Of a request, as it came; names of headers are in lower case."""

    method: bytes
    target: bytes
    headers: RawHeaders
    scheme: str | None
    keep_alive: bool


def keeps_alive(parser: HttpRequestParser) -> bool:
    return bool(parser.get_http_version() != "1.0" and parser.should_keep_alive())


def head_error(request: HttpToolsProtocol) -> RetuneError | None:
    """An error that the parser does not see."""
    version = request.parser.get_http_version()
    hosts = [name for name, _ in request.headers].count(b"host")
    if version not in VERSIONS or (version == "1.1" and hosts != 1):
        return MalformedRequest()
    # A head that comes in one piece is whole before its bytes are counted.
    if len(request.url) + sum(map(len, chain.from_iterable(request.headers))) > MAX_HEAD_BYTES:
        return HeadTooLarge(MAX_HEAD_BYTES)
    return None


def scope_of(request: HttpToolsProtocol) -> Any:
    """uvicorn's, completed. Raises `HttpParserInvalidURLError`."""
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
    """The target of a request line that the parser refused.

    >>> target_in(b"FOO /v2/models HTTP/1.1\\r\\n"), target_in(b"\\x16\\x03")
    (b'/v2/models', b'')
    """
    return b"".join(line.split(b"\r\n", 1)[0].split(b" ")[1:2])


class KnownHeads:
    """Heads of requests that were refused, each with the length of its body.

    Clients write the same head again and again. What is the same byte for byte is parsed the same, so it need not be:
    only whether the body that follows is whole has to be seen.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, tuple[Head, int]] = {}

    def find(self, data: bytes) -> Head | None:
        """The head, if `data` is one known and the whole of its body, no more and no less."""
        end = _end_of_head(data)
        head, length = self._heads.get(data[:end], (None, 0))
        return head if len(data) - end == length else None

    def add(self, head: Head, data: bytes) -> None:
        """`data` is the head and its whole body; one that does not say its length in one way is not kept."""
        end = _end_of_head(data)
        length = len(data) - end
        framing = [value for name, value in head.headers if name in FRAMING]
        is_plain = data.startswith(b"POST ") and framing == [b"%d" % length] and head.keep_alive
        if not is_plain or end > KNOWN_HEAD_BYTES:
            return
        if len(self._heads) >= KNOWN_HEADS:  # such as with an id in each
            self._heads.clear()
        self._heads[data[:end]] = (head, length)


def _end_of_head(data: bytes) -> int:
    return data.find(HEAD_END) + len(HEAD_END)
