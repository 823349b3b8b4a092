"""A file of embeddings: records of one size behind a header.

Records are appended, or the whole file is replaced, under a lock of the folder. What a crash or a full disk left of a
record is overwritten by the next one, and a record with a wrong checksum counts as absent.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.arrays import Booleans, Floats
from core.durable import file_lock, write_bytes
from core.errors import DiskFull

MAX_ROWS = 100_000
"""154 MB of 384 dimensions. A file that would become longer loses its older half."""

MAX_FILES = 6
"""In a folder; the file that was not used for the longest time is removed."""

SUFFIX, KEY_BYTES = ".embeddings", 16
_MAGIC, _HEADER_BYTES, _CHECKSUM_BYTES = b"retune embeddings 1", 64, 4

Records = NDArray[Any]
"""(n,) with `exact`, `text`: two keys; `day`: of the writing; `vector` (d,) float32; `checksum`."""


@dataclass(frozen=True)
class Keys:
    """`exact`: key of a text as it is; `text`: key of the normalised text, by which it is erased."""

    exact: bytes
    text: bytes


class EmbeddingFile:
    """The embeddings of one encoder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, wanted: Collection[bytes]) -> dict[bytes, Floats]:
        """Embeddings (d,) by exact key: those of `wanted` that the file has."""
        records = self._records()
        if records is None:
            return {}
        with suppress(OSError):  # on a disk that is read only
            os.utime(self.path)
        places = {key: place for place, key in enumerate(_keys(records, "exact"))}
        found = records[[places[key] for key in wanted if key in places]]
        sound = found[_sound(found)]
        return dict(zip(_keys(sound, "exact"), sound["vector"], strict=True))

    def append(self, keys: Collection[Keys], vectors: Floats, *, day: int) -> None:
        """Store vectors (n, d) under their keys. `day`: days since 1970, see `erase`."""
        made = np.zeros(len(keys), dtype=_record_type(vectors.shape[1]))
        made["exact"] = _as_rows(b"".join(key.exact for key in keys))
        made["text"] = _as_rows(b"".join(key.text for key in keys))
        made["vector"], made["day"] = vectors, day
        made["checksum"] = _checksums(made)
        with file_lock(self.path.parent / ".lock"):
            stored = self._records()
            if stored is None or stored.dtype != made.dtype:
                _remove_unused(self.path.parent)
                self._replace(made[-MAX_ROWS:])
            elif len(stored) + len(made) > MAX_ROWS:
                self._replace(np.concatenate([stored[len(stored) // 2 :], made])[-MAX_ROWS:])
            else:
                with self.path.open("r+b") as file:
                    file.seek(_HEADER_BYTES + stored.nbytes)
                    file.write(made.tobytes())

    def erase(self, texts: Collection[bytes], *, before_day: int) -> int:
        """Erase rows by their text keys, those written before a day, and damaged ones; return their number."""
        with file_lock(self.path.parent / ".lock"):
            records = self._records()
            if records is None:
                self.path.unlink(missing_ok=True)
                return 0
            is_named = np.array([key in texts for key in _keys(records, "text")], dtype=np.bool_)
            erased = is_named | (records["day"] < before_day) | ~_sound(records)
            if erased.any():
                self._keep(records[~erased])
            return int(erased.sum())

    def _keep(self, records: Records) -> None:
        """Replace the file; remove it if nothing is left, or no space for what is left."""
        with suppress(OSError, DiskFull):
            if len(records):
                self._replace(records)
                return
        self.path.unlink(missing_ok=True)

    def _records(self) -> Records | None:
        """None if there is no file, or one that cannot be read."""
        try:
            with self.path.open("rb") as file:
                record = _record_type(_width(file.read(_HEADER_BYTES)))
                rows = (os.fstat(file.fileno()).st_size - _HEADER_BYTES) // record.itemsize
                return np.memmap(file, record, mode="r", offset=_HEADER_BYTES, shape=(rows,)) if rows else None
        except (OSError, ValueError):
            return None

    def _replace(self, records: Records) -> None:
        header = _MAGIC + b" %d\n" % records["vector"].shape[1]
        write_bytes(self.path, header.ljust(_HEADER_BYTES, b"\0") + records.tobytes())


def _record_type(width: int) -> np.dtype[Any]:
    keys = [("exact", "u1", KEY_BYTES), ("text", "u1", KEY_BYTES)]
    return np.dtype([*keys, ("day", "<u4"), ("vector", "<f4", (width,)), ("checksum", "<u4")])


def _width(header: bytes) -> int:
    """Raises `ValueError` for a file of another kind."""
    magic, _, width = header.partition(b"\n")[0].rpartition(b" ")
    if magic != _MAGIC or not 0 < int(width) < 1_000_000:
        raise ValueError("unknown header")
    return int(width)


def _keys(records: Records, name: str) -> list[bytes]:
    content = records[name].tobytes()
    return [content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES)]


def _as_rows(keys: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(keys, dtype=np.uint8).reshape(-1, KEY_BYTES)


def _checksums(records: Records) -> NDArray[np.uint32]:
    content, size = memoryview(records.tobytes()), records.dtype.itemsize
    rows = (content[start : start + size - _CHECKSUM_BYTES] for start in range(0, len(content), size))
    return np.array([zlib.crc32(row) for row in rows], dtype=np.uint32)


def _sound(records: Records) -> Booleans:
    sound: Booleans = records["checksum"] == _checksums(records)
    return sound


def _remove_unused(folder: Path) -> None:
    """Makes room for another file."""
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for path in files[: max(0, len(files) + 1 - MAX_FILES)]:
        path.unlink(missing_ok=True)
