"""Metric values of this process, in a file of the format that prometheus_client's `MultiProcessCollector` reads.

prometheus_client maps such files into memory. They are sparse, so a write on a full disk kills the process (SIGBUS).
These are kept in memory and written by `write_all`, which raises an error instead.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import ClassVar

from prometheus_client import values

HEADER = struct.Struct("ixxxx")
LENGTH, VALUE = struct.Struct("i"), struct.Struct("dd")


class ValuesFile:
    """Has the methods of prometheus_client's `MmapedDict`."""

    opened: ClassVar[list[ValuesFile]] = []

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        self._content = bytearray(HEADER.pack(HEADER.size))
        self._positions: dict[str, int] = {}
        self._is_written = False
        self.opened.append(self)

    def read_value(self, key: str) -> tuple[float, float]:
        """Value and time of a key, 0 and 0 if it is new."""
        if key not in self._positions:
            self.write_value(key, 0.0, 0.0)
        value, time_s = VALUE.unpack_from(self._content, self._positions[key])
        return value, time_s

    def write_value(self, key: str, value: float, time_s: float) -> None:
        position = self._positions.get(key)
        if position is None:
            name = key.encode()
            padding = b" " * (HEADER.size - (len(name) + LENGTH.size) % HEADER.size)
            self._content += LENGTH.pack(len(name)) + name + padding + VALUE.pack(0.0, 0.0)
            position = self._positions[key] = len(self._content) - VALUE.size
        VALUE.pack_into(self._content, position, value, time_s)
        self._is_written = False

    def write(self) -> None:
        """Write what changed since the last call. Raises `OSError`; then the next call tries again."""
        if self._is_written:
            return
        self._is_written = True
        content = bytes(self._content)
        try:
            if self._file is None or os.fstat(self._file).st_nlink == 0:  # systemd empties /dev/shm at a user's logout
                unlinked, self._file = self._file, _new_file(self._path)
                if unlinked is not None:
                    os.close(unlinked)
            # The header comes last: a reader ignores what lies behind the length in it.
            if os.pwrite(self._file, content[HEADER.size :], HEADER.size) < len(content) - HEADER.size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)
            os.pwrite(self._file, HEADER.pack(len(content)), 0)
        except OSError:
            self._is_written = False
            raise

    def close(self) -> None:
        self.opened.remove(self)
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _new_file(path: str) -> int:
    """A file without values; it gets its name when it can be read."""
    temporary = f"{path}.new"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, HEADER.pack(HEADER.size), 0)
        os.replace(temporary, path)
    except OSError:
        os.close(file)
        raise
    return file


def use_values_files() -> None:
    """Let prometheus_client create `ValuesFile`s in this process from now on."""
    values.MmapedDict = ValuesFile  # type: ignore[attr-defined, assignment]  # it has no option for this


def write_all() -> None:
    """Write all files of this process. Raises `OSError`."""
    for file in ValuesFile.opened:
        file.write()
