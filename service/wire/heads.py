"""Heads of requests, and those of refused ones that are known again."""

from __future__ import annotations

from dataclasses import dataclass

from service.wire.reply import RawHeaders

FRAMING = (b"content-length", b"transfer-encoding")
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
