"""Rate limits of keys, shared by all workers of a server.

A file holds one number for each key: the time at which the key's whole burst is available again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Shorter waits are rounding errors of floats and must not refuse a request.
ROUNDING_S = 1e-6
NUMBER = struct.Struct("d")
logger = logging.getLogger(__name__)


def conform(full_at: float, now: float, *, rate: float, burst: int) -> tuple[float, float]:
    """One request under the generic cell rate algorithm (ITU-T I.371): the new `full_at` and the seconds to wait.

    A request that would have to wait is refused and uses up nothing.

    >>> conform(0.0, 10.0, rate=2.0, burst=1)
    (10.5, 0.0)
    >>> conform(10.5, 10.25, rate=2.0, burst=1)
    (10.5, 0.25)
    """
    interval, tolerance = 1 / rate, burst / rate
    # Limit the use to one burst: the stored number may come from another rate or a clock before a reboot, or be NaN.
    full_at = max(full_at, now) if full_at <= now + tolerance else now + tolerance
    wait_s = full_at + interval - tolerance - now
    return (full_at, wait_s) if wait_s > ROUNDING_S else (full_at + interval, 0.0)


class RateLimits:
    """The shared file, `NUMBER.size` bytes for each key's slot; created at first use.

    A record lock protects a slot; the kernel releases it when its process dies.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        # The monotonic clock is the same in all processes of a machine.
        self._path = path
        self._clock = clock
        self._file: int | None = None
        self._is_writable = True

    def wait_s(self, slot: int, *, rate: float, burst: int) -> float:
        """Count a request and return 0.0, or return the seconds to wait and count nothing.

        If the file cannot be written, there is no limit: a full disk must not stop the server.
        """
        try:
            wait_s = self._consume(slot, rate, burst)
        except OSError as error:
            if self._is_writable:
                logger.error("Rate limits are not kept, %s cannot be written: %s", self._path, error.strerror)
            self._is_writable = False
            return 0.0
        self._is_writable = True
        return wait_s

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _consume(self, slot: int, rate: float, burst: int) -> float:
        file, offset = self._opened(), slot * NUMBER.size
        with _locked(file, offset):
            stored = os.pread(file, NUMBER.size, offset)
            before: float = NUMBER.unpack(stored)[0] if len(stored) == NUMBER.size else 0.0
            full_at, wait_s = conform(before, self._clock(), rate=rate, burst=burst)
            # Also after a refusal: an uncorrected number from another clock would cause refusals for ever.
            if full_at != before:
                os.pwrite(file, NUMBER.pack(full_at), offset)
        return wait_s

    def _opened(self) -> int:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file


@contextmanager
def _locked(file: int, offset: int) -> Iterator[None]:
    fcntl.lockf(file, fcntl.LOCK_EX, NUMBER.size, offset)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, NUMBER.size, offset)
