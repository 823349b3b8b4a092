"""One log of several processes: on standard output, and in a file with rotation."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from service.host.queue_thread import QueueThread

FILE_BYTES, OLD_FILES = 10 * 2**20, 5
QUEUE_SIZE = 20_000
CLOSE_S, PAUSE_S = 2.0, 1.0
OWN_NAME = "up"
NAME_WIDTH = 7


class ProcessLog:
    """A thread writes the lines: where nobody reads the output, or the disk is full, the supervisor must go on."""

    def __init__(self, path: Path, *, stream: int) -> None:
        """`stream`: the file descriptor of the output."""
        self._stream: int | None = stream
        self._file = _File(path, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8", delay=True)
        self._dropped = 0
        self._queue = QueueThread("process log", self._write, size=QUEUE_SIZE, pause_s=PAUSE_S, wake_at=1)
        self._queue.start()

    def line(self, name: str, text: str) -> None:
        """Add a line of the process `name`, with the time."""
        if not self._queue.put(stamped(name, text)):
            self._dropped += 1
        elif self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.line(OWN_NAME, f"{dropped} lines were dropped: the output took them too slowly")

    def say(self, text: str) -> None:
        """Add a line of the supervisor itself."""
        self.line(OWN_NAME, text)

    def close(self) -> None:
        if self._queue.close(CLOSE_S):
            self._file.close()

    def _write(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._file.emit(logging.makeLogRecord({"msg": line}))
        self._show("".join(f"{line}\n" for line in lines).encode())

    def _show(self, content: bytes) -> None:
        try:
            while content and self._stream is not None:
                content = content[os.write(self._stream, content) :]
        except OSError:  # its reader has ended; the file has all lines
            self._stream = None


class _File(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk: the line is on standard output."""


def stamped(name: str, text: str) -> str:
    """A line of the log, with the time in UTC."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{now} {name:<{NAME_WIDTH}} | {text}"
