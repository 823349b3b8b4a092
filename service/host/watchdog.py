"""Nobody is left alone: a worker that is lost and not replaced ends the server, and a parent that is lost its children.

In a container BentoML does not start a worker again, and the ones that are left would go on for ever.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

import psutil  # type: ignore[import-untyped]  # its stubs are another package

PAUSE_S = 1.0
# So often in a row a neighbour must be missing.
TIMES = 3
# The interpreter, -m, and BentoML's module.
COMMAND_WORDS = 3
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
logger = logging.getLogger(__name__)


class Watchdog:
    """Counts the living workers; ends the server when there are fewer than there should be."""

    def __init__(
        self, expected: int, *, count: Callable[[], int] | None = None, end: Callable[[], None] | None = None
    ) -> None:
        """`expected`: workers that the server starts with; all are there before the first of them has loaded."""
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
        """One look; True when a neighbour has been missing for too long."""
        self._misses = self._misses + 1 if self._count() < self._expected else 0
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
        except (OSError, psutil.Error) as error:  # such as no more descriptors: nobody else would look from then on
            logger.error("The workers cannot be counted: %s", error)
            return False


def end_with_parent() -> None:
    """Have this process told to end (SIGTERM) when its parent does, even by `kill -9`; on Linux."""
    with suppress(AttributeError):
        _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _siblings() -> int:
    """Workers of this server, this one too: children of its parent that were started as it was."""
    own = psutil.Process().cmdline()[:COMMAND_WORDS]
    return sum(_command(child) == own for child in psutil.Process(os.getppid()).children())


def _command(process: psutil.Process) -> list[str]:
    """Its first words; none of one that has ended."""
    with suppress(psutil.Error):
        words: list[str] = process.cmdline()[:COMMAND_WORDS]
        return words
    return []


def _end_server() -> None:
    os.kill(os.getppid(), signal.SIGTERM)
