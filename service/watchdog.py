"""A worker that is lost and not replaced ends the server, so that whoever supervises it sees that.

In a container BentoML does not start a worker again, and the ones that are left would go on for ever.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

PAUSE_S = 1.0
# So often in a row a neighbour must be missing.
TIMES = 3
logger = logging.getLogger(__name__)


class Watchdog:
    """Counts the living workers; ends the server when there are fewer than there were."""

    def __init__(self, count: Callable[[], int], *, end: Callable[[], None] | None = None) -> None:
        self._count = count
        self._end = end or _end_server
        self._most = self._misses = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()

    def look(self) -> bool:
        """One look; True when a neighbour has been missing for too long."""
        present = self._count()
        self._most = max(self._most, present)
        self._misses = self._misses + 1 if present < self._most else 0
        return self._misses >= TIMES

    def _run(self) -> None:
        while not self._closing.wait(PAUSE_S):
            if self._is_alone():
                logger.error("A worker is gone and nothing starts another one: the server stops")
                self._end()
                return

    def _is_alone(self) -> bool:
        try:
            return self.look()
        except OSError as error:  # such as no more descriptors: nobody else would look from then on
            logger.error("The workers cannot be counted: %s", error.strerror)
            return False


def _end_server() -> None:
    os.kill(os.getppid(), signal.SIGTERM)
