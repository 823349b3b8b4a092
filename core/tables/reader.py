"""Reads rows of CSV, JSON Lines and Parquet files, in constant memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from core.errors import EmptyDataset, FileMissing, UndecodableFile, UnknownFileFormat

FORMATS = (".csv", ".jsonl", ".parquet")
Row = dict[str, Any]

_PARQUET_ROWS = 1024


def read_table(path: Path) -> list[Row]:
    """All rows of a data file; raises as `TableReader`, or `EmptyDataset`."""
    with TableReader(path) as reader:
        rows = list(reader)
    if not rows:
        raise EmptyDataset(path)
    return rows


def format_of(path: Path) -> str:
    """The file's ending in lower case; raises `UnknownFileFormat`."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UnknownFileFormat(path, FORMATS)
    return ending


class TableReader:
    """Iterates once over the rows of a file. Raises `UnknownFileFormat`, `FileMissing` or `UndecodableFile`."""

    def __init__(self, path: Path) -> None:
        self._path, self._format = path, format_of(path)
        if not path.is_file():
            raise FileMissing(path, what="data file")
        self._size = max(1, path.stat().st_size)
        self._done = 0.0
        self._text: TextIOWrapper | None = None  # a reference, because its finalizer closes the file
        with self._decoded():
            self._file: IO[bytes] = path.open("rb")

    def __enter__(self) -> TableReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Row]:
        read = {".csv": self._csv, ".jsonl": self._json_lines, ".parquet": self._parquet}[self._format]
        with self._decoded():
            yield from read()

    @property
    def share(self) -> float:
        """Share of the file that has been read."""
        return self._done if self._format == ".parquet" else self._file.tell() / self._size

    @contextmanager
    def _decoded(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
            raise UndecodableFile(self._path, str(error)) from error

    def _lines(self, *, newline: str | None) -> Iterator[str]:
        # utf-8-sig, because spreadsheets write a byte order mark.
        self._text = TextIOWrapper(self._file, encoding="utf-8-sig", newline=newline)
        for line in self._text:
            if "\0" in line:
                raise UndecodableFile(self._path, "it holds NUL bytes")
            yield line

    def _csv(self) -> Iterator[Row]:
        yield from csv.DictReader(self._lines(newline=""))

    def _json_lines(self) -> Iterator[Row]:
        for number, line in enumerate(self._lines(newline=None), 1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise UndecodableFile(self._path, f"line {number} is not a JSON object")
                yield row

    def _parquet(self) -> Iterator[Row]:
        import pyarrow.parquet as parquet  # large, and only needed for Parquet

        try:
            table = parquet.ParquetFile(self._file)
            for batch in table.iter_batches(batch_size=_PARQUET_ROWS):
                yield from batch.to_pylist()
                self._done += batch.num_rows / max(1, table.metadata.num_rows)
        except ValueError as error:  # pyarrow's ArrowInvalid
            raise UndecodableFile(self._path, str(error)) from error
