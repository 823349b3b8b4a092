"""The access log: one line of JSON for each request, written by a thread from a bounded queue.

{"time", "request_id", "method", "route", "status", "ms"} and, if known, "key", "model", "version" and "items". A line
never contains the path that the client sent, a header or a text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson

from service.host.queue_thread import QueueThread

WRITE_INTERVAL_S = 0.2
QUEUE_SIZE = 20_000
CLOSE_S = 2.0
# POSIX writes up to this size atomically (PIPE_BUF), so lines of several workers do not mix in a pipe.
PIPE_BYTES = 4096
# Optional fields, which routes write to a request's state.
STATE_FIELDS = ("key", "model", "version", "items")


@dataclass(slots=True)
class Entry:
    """One answered request; `state` is the state in its ASGI scope."""

    time_s: float
    method: str
    route: str
    status: int
    seconds: float
    state: Mapping[str, Any]


class AccessLog:
    """If the log is read too slowly, lines are dropped and counted; requests never wait for it."""

    def __init__(self, *, on_drop: Callable[[], None] = lambda: None, stream: BinaryIO | None = None) -> None:
        self._on_drop = on_drop
        self._stream = stream or sys.stdout.buffer
        self._queue = QueueThread("access-log", self._write, size=QUEUE_SIZE, pause_s=WRITE_INTERVAL_S)

    def start(self) -> None:
        self._queue.start()

    def close(self) -> None:
        """Write the waiting lines, then end."""
        self._queue.close(CLOSE_S)

    def add(self, entry: Entry) -> None:
        if not self._queue.put(entry):
            self._on_drop()

    def _write(self, entries: Sequence[Entry]) -> None:
        part = b""
        for entry in entries:
            written = line(entry) + b"\n"
            if len(part) + len(written) > PIPE_BYTES:
                self._send(part)
                part = b""
            part += written
        self._send(part)

    def _send(self, lines: bytes) -> None:
        try:
            self._stream.write(lines)
            self._stream.flush()
        except (OSError, ValueError):  # the reader has closed the pipe
            for _ in range(lines.count(b"\n")):
                self._on_drop()


def line(entry: Entry) -> bytes:
    state = entry.state
    fields = {
        "time": datetime.fromtimestamp(entry.time_s, UTC).isoformat(timespec="milliseconds"),
        "request_id": state["request_id"],
        "method": entry.method,
        "route": entry.route,
        "status": entry.status,
        "ms": round(entry.seconds * 1000, 2),
        **{name: state[name] for name in STATE_FIELDS if state.get(name) is not None},
    }
    return orjson.dumps(fields)
