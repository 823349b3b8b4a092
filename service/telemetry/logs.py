"""A worker's log lines, written by a thread of their own: bounded, what does not fit is dropped and counted.

A pipe that nobody reads takes 64 KiB. From then on whoever writes a line waits, and where that is the event loop,
nobody has an answer and SIGTERM has no effect.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

QUEUE_SIZE = 10_000
CLOSE_S = 2.0


class LogThread:
    """Stands between the loggers of this process and their handlers."""

    def __init__(self, *, on_drop: Callable[[], None] = lambda: None) -> None:
        self._on_drop = on_drop
        # Simple: a line may come from a destructor, in the middle of another line's way in.
        self._queue: SimpleQueue[tuple[logging.Handler, logging.LogRecord] | threading.Event] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        for logger in _all_loggers():
            logger.handlers = [_Behind(handler, self._offer) for handler in logger.handlers]
        self._thread.start()
        atexit.register(self._end)

    def flush(self) -> bool:
        """Wait until all lines so far are written; False if that took longer than `CLOSE_S`."""
        is_written = threading.Event()
        self._queue.put(is_written)
        return is_written.wait(CLOSE_S)

    def _offer(self, handler: logging.Handler, record: logging.LogRecord) -> None:
        if self._queue.qsize() < QUEUE_SIZE:
            self._queue.put((handler, record))
        else:
            self._on_drop()

    def _run(self) -> None:
        while True:
            match self._queue.get():
                case threading.Event() as reached:
                    reached.set()
                case handler, record:
                    handler.handle(record)

    def _end(self) -> None:
        """The process has done all that it had to. Python would now wait for the stream that our thread waits for."""
        if not self.flush():
            os._exit(0)


class _Behind(logging.Handler):
    """Hands on what its handler would write."""

    def __init__(self, handler: logging.Handler, offer: Callable[[logging.Handler, logging.LogRecord], None]) -> None:
        super().__init__(handler.level)
        self._handler = handler
        self._offer = offer

    def emit(self, record: logging.LogRecord) -> None:
        self._offer(self._handler, record)


def _all_loggers() -> Iterator[logging.Logger]:
    yield logging.getLogger()
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and logger.handlers:
            yield logger
