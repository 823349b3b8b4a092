"""How many connections each worker of a server has in use, in a file that all workers map into memory."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

COUNT_BYTES = 4
# The value of a worker that accepts no connections.
ABSENT = 2**32 - 1


class ConnectionCounts:
    """The counts of this worker and of the other workers."""

    def __init__(self, path: Path, *, workers: int, index: int) -> None:
        """`index`: this worker's number, from 0. Its entry from an earlier worker or server is overwritten."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            size = COUNT_BYTES * max(workers, index + 1)
            file.truncate(max(size, os.fstat(file.fileno()).st_size))
            self._counts = memoryview(mmap.mmap(file.fileno(), size)).cast("I")
        self._index = index
        self.show(ABSENT)

    def show(self, count: int) -> None:
        self._counts[self._index] = count

    def fewest_elsewhere(self) -> int | None:
        counts = self._counts.tolist()
        del counts[self._index]
        return min((count for count in counts if count != ABSENT), default=None)
