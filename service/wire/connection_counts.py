"""How many connections each worker of a server has in use, in a file that all workers map into memory."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

COUNT = struct.Struct("=I")
# In place of a count: this worker accepts no connections.
ABSENT = 2**32 - 1


class ConnectionCounts:
    """The count of this worker, and those of its neighbours."""

    def __init__(self, path: Path, *, workers: int, index: int) -> None:
        """`index` counts from 0. Old content of the file, of a server or a worker that has ended, is overwritten."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = COUNT.size * max(workers, index + 1)
            os.ftruncate(file, max(size, os.fstat(file).st_size))
            self._counts = mmap.mmap(file, size)
        finally:
            os.close(file)
        self._index = index
        self.show(ABSENT)

    def show(self, count: int) -> None:
        COUNT.pack_into(self._counts, self._index * COUNT.size, count)

    def fewest_elsewhere(self) -> int | None:
        counts = [count for (count,) in COUNT.iter_unpack(self._counts[:])]
        del counts[self._index]
        return min((count for count in counts if count != ABSENT), default=None)
