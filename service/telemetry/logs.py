"""Writes a worker's log lines in a thread, from a bounded queue; lines beyond its size are dropped and counted.

A pipe that is not read holds 64 KiB; then every write blocks. If the event loop blocked there, the worker would stop
answering and ignore SIGTERM.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable, Iterator, Sequence

from service.host.queue_thread import QueueThread

QUEUE_SIZE = 10_000
CLOSE_S, PAUSE_S = 2.0, 1.0
Line = tuple[logging.Handler, logging.LogRecord]


class LogThread:
    """Puts a queue between the loggers of this process and their handlers."""

    def __init__(self, *, on_drop: Callable[[], None] = lambda: None) -> None:
        self._on_drop = on_drop
        self._queue = QueueThread("log", _handle, size=QUEUE_SIZE, pause_s=PAUSE_S, wake_at=1)

    def start(self) -> None:
        for logger in _all_loggers():
            logger.handlers = [_QueueingHandler(handler, self._put) for handler in logger.handlers]
        self._queue.start()
        atexit.register(self._at_exit)

    def flush(self) -> bool:
        """Wait until all lines so far are written; False after `CLOSE_S`."""
        return self._queue.flush(CLOSE_S)

    def _put(self, line: Line) -> None:
        if not self._queue.put(line):
            self._on_drop()

    def _at_exit(self) -> None:
        """Runs last in the process. If the thread is blocked, exit at once: Python would wait for the log's stream."""
        if not self.flush():
            os._exit(0)


def _handle(lines: Sequence[Line]) -> None:
    for handler, record in lines:
        handler.handle(record)


class _QueueingHandler(logging.Handler):
    """Queues records for the handler that it replaces."""

    def __init__(self, handler: logging.Handler, put: Callable[[Line], None]) -> None:
        super().__init__(handler.level)
        self._handler = handler
        self._put = put

    def emit(self, record: logging.LogRecord) -> None:
        self._put((self._handler, record))


def _all_loggers() -> Iterator[logging.Logger]:
    yield logging.getLogger()
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and logger.handlers:
            yield logger
