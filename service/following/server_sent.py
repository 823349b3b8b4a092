"""Server-sent events (WHATWG HTML, section 9.2): text of named events, each with the id at which to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from core.news import Position

RETRY_MS = 2000
HEARTBEAT = b": still here\n\n"


def opening(retry_ms: int = RETRY_MS) -> bytes:
    """How long a client waits before it connects again."""
    return b"retry: %d\n\n" % retry_ms


def event(kind: str, facts: Mapping[str, Any], position: Position) -> bytes:
    r"""
    >>> event("champion", {"model": "m", "version": "2"}, Position(4, 2, 1))
    b'id: 4-2-1\nevent: champion\ndata: {"model":"m","version":"2"}\n\n'
    """
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(position).encode(), kind.encode(), orjson.dumps(facts))
