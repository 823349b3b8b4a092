"""Reads rows of CSV, JSON and Parquet files, one JSON object a line in constant memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from core.errors import EmptyDataset, FileMissing, UndecodableFile, UnknownFileFormat
from core.tables.csv_rows import CsvRows, require_distinct
from core.tables.decoding import DECODING_ERRORS, GZIP, UTF_8, decoded_lines, encoding_of, start_of, unpacked
from core.tables.json_rows import JsonRows

CSV, TSV, JSON, PARQUET = ".csv", ".tsv", ".jsonl", ".parquet"
_SAME = {".ndjson": JSON, ".json": JSON, ".tab": TSV}
FORMATS = (CSV, TSV, JSON, ".json", PARQUET)
Cells = dict[str, Any]
"""The cells of a row by column."""
logger = logging.getLogger(__name__)

_PARQUET_ROWS = 1024


class Row(Cells):
    """Cells of a row of a file. `line`: where it begins in its file; in a Parquet file the number of the row."""

    __slots__ = ("line",)

    def __init__(self, cells: Cells, line: int = 0) -> None:
        super().__init__(cells)
        self.line = line


def read_table(path: Path) -> list[Row]:
    """All rows of a data file; raises as `TableReader`, or `EmptyDataset`."""
    with TableReader(path) as reader:
        rows = list(reader)
    if not rows:
        raise EmptyDataset(path)
    return rows


def require_readable(path: Path) -> None:
    """Raises as `TableReader` does, before a long computation over its rows."""
    with TableReader(path, is_silent=True) as reader:
        for _ in reader:
            pass


def format_of(path: Path) -> str:
    """The format of the file by its ending, without that of a compressed file; raises `UnknownFileFormat`.

    >>> format_of(Path("rows.CSV")), format_of(Path("rows.json.gz"))
    ('.csv', '.jsonl')
    """
    ending = path.suffix.lower()
    if ending == GZIP:
        ending = path.with_suffix("").suffix.lower()
    ending = _SAME.get(ending, ending)
    if ending not in (CSV, TSV, JSON, PARQUET):
        raise UnknownFileFormat(path, FORMATS)
    return ending


class TableReader:
    """Iterates once over the rows of a file.

    A delimiter or an encoding that had to be detected is logged. Raises `UnknownFileFormat`, `FileMissing`,
    `UndecodableFile`, or as `CsvRows` and `JsonRows`.
    """

    def __init__(self, path: Path, *, is_silent: bool = False) -> None:
        self._path, self._format, self._is_silent = path, format_of(path), is_silent
        if not path.is_file():
            if path.exists():
                raise UndecodableFile(path, "it is no regular file", "Name a file")
            raise FileMissing(path, what="data file")
        self._size = max(1, path.stat().st_size)
        self._done = 0.0
        with self._decoded():
            self._file: IO[bytes] = path.open("rb")

    def __enter__(self) -> TableReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Row]:
        with self._decoded():
            for line, cells in self._parquet() if self._format == PARQUET else self._text_rows():
                yield Row(cells, line)

    @property
    def share(self) -> float:
        """Share of the file that has been read."""
        return self._done if self._format == PARQUET else self._file.tell() / self._size

    @contextmanager
    def _decoded(self) -> Iterator[None]:
        try:
            yield
        except DECODING_ERRORS as error:
            is_packed = self._path.suffix.lower() == GZIP
            cure = "Compress it again" if is_packed else "Write it again in its format"
            raise UndecodableFile(self._path, str(error).rstrip("."), cure) from error

    def _text_rows(self) -> Iterable[tuple[int, Cells]]:
        content = unpacked(self._path, self._file)
        encoding = encoding_of(start_of(self._path, content))
        lines = decoded_lines(self._path, content, encoding)
        detected = []
        rows: CsvRows | JsonRows
        if self._format == JSON:
            rows = JsonRows(lines, self._path)
        else:
            rows = CsvRows(lines, self._path, delimiter="\t" if self._format == TSV else None)
            if self._format == CSV and rows.delimiter != ",":
                detected.append(f"{_named(rows.delimiter)} between the cells")
        detected += [f"the encoding {encoding.upper()}"] if encoding != UTF_8 else []
        if detected and not self._is_silent:
            logger.warning("%s is read with %s.", self._path, " and ".join(detected))
        return rows

    def _parquet(self) -> Iterator[tuple[int, Cells]]:
        import pyarrow  # large, and only needed for Parquet
        import pyarrow.parquet as parquet

        try:
            table = parquet.ParquetFile(self._file)
            require_distinct(table.schema_arrow.names, self._path)
            rows = 0
            for batch in table.iter_batches(batch_size=_PARQUET_ROWS):
                yield from enumerate(batch.to_pylist(), rows + 1)
                rows += batch.num_rows
                self._done = rows / max(1, table.metadata.num_rows)
        except (ValueError, OverflowError, pyarrow.ArrowException) as error:  # such as a date outside Python's range
            cure = "Write it again as Parquet, without columns that are neither text nor label"
            raise UndecodableFile(self._path, str(error).rstrip("."), cure) from error


def _named(delimiter: str) -> str:
    return {"\t": "tabs"}.get(delimiter, repr(delimiter))
