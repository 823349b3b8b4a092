"""Stops the whole server when one of its workers died.

In a container BentoML does not start a dead worker again, and the other workers would continue for ever.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

import psutil  # type: ignore[import-untyped]  # its stubs are another package

PAUSE_S = 1.0
# A worker is lost if it is missing in this many counts in a row.
TIMES = 3
# Words of a worker's command that identify it: the interpreter, -m, and BentoML's module.
COMMAND_WORDS = 3
logger = logging.getLogger(__name__)


class Watchdog:
    """Counts the living workers and ends the server if there are too few."""

    def __init__(
        self, expected: int, *, count: Callable[[], int] | None = None, end: Callable[[], None] | None = None
    ) -> None:
        """`expected`: the server's number of workers. All of their processes exist before the first watchdog starts."""
        self._expected = expected
        self._count = count or _siblings
        self._end = end or _end_server
        self._misses = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()

    def look(self) -> bool:
        """Count once; True if a worker has been missing in `TIMES` counts in a row."""
        self._misses = self._misses + 1 if self._count() < self._expected else 0
        return self._misses >= TIMES

    def _run(self) -> None:
        while not self._closing.wait(PAUSE_S):
            if self._has_lost_worker():
                logger.error("A worker has died and nothing starts another one: the server stops")
                self._end()
                return

    def _has_lost_worker(self) -> bool:
        try:
            return self.look()
        except (OSError, psutil.Error) as error:  # such as too many open files; the thread must go on
            logger.error("The workers cannot be counted: %s", error)
            return False


def _siblings() -> int:
    """Number of this server's workers: children of the same parent with the same command, this one included."""
    own, count = psutil.Process().cmdline()[:COMMAND_WORDS], 0
    for child in psutil.Process(os.getppid()).children():
        with suppress(psutil.Error):  # the process has ended
            count += child.cmdline()[:COMMAND_WORDS] == own
    return count


def _end_server() -> None:
    os.kill(os.getppid(), signal.SIGTERM)
