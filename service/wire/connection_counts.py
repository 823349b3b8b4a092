"""How many connections each worker of a server has in use, in a file that all workers map into memory."""

from __future__ import annotations

import logging
import mmap
import os
from pathlib import Path

COUNT_BYTES = 4
# The value of a worker that accepts no connections.
ABSENT = 2**32 - 1
logger = logging.getLogger(__name__)


class ConnectionCounts:
    """The counts of this worker and of the other workers."""

    def __init__(self, path: Path, *, workers: int, index: int) -> None:
        """`index`: this worker's number, from 0. Its entry from an earlier worker or server is overwritten."""
        size = COUNT_BYTES * max(workers, index + 1)
        try:
            mapped = _mapped(path, size)
        except OSError as error:  # such as a full disk: this worker then knows of no other worker
            logger.error("The connections are not distributed among the workers: %s", error)
            mapped = mmap.mmap(-1, size)
            mapped[:] = ABSENT.to_bytes(COUNT_BYTES, "little") * (size // COUNT_BYTES)
        self._counts = memoryview(mapped).cast("I")
        self._index = index
        self.show(ABSENT)

    def show(self, count: int) -> None:
        self._counts[self._index] = count

    def fewest_elsewhere(self) -> int | None:
        counts = self._counts.tolist()
        del counts[self._index]
        return min((count for count in counts if count != ABSENT), default=None)


def _mapped(path: Path, size: int) -> mmap.mmap:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        # Not `truncate`: a write to a mapped page without a place on the disk would kill the process if it is full.
        os.posix_fallocate(file.fileno(), 0, size)
        return mmap.mmap(file.fileno(), size)
