"""Reads and writes rows of CSV, JSON Lines and Parquet files, in constant memory."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from core.durable import new_file
from core.errors import ColumnNotInHeader, EmptyDataset, FileMissing, MixedTypes, UndecodableFile, UnknownFileFormat

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
        self._text: TextIOWrapper | None = None  # kept, because the finalizer of the wrapper closes the file
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
        except ValueError as error:  # the base class of ArrowInvalid
            raise UndecodableFile(self._path, str(error)) from error


def table_bytes(rows: Sequence[Row], ending: str, columns: Sequence[str]) -> bytes:
    """Content of a file with these rows; `columns` is the header of a CSV file.

    Raises `ColumnNotInHeader` for a CSV row with another column, `MixedTypes` for a column without a Parquet type.
    """
    if ending == ".csv":
        return _csv_bytes(rows, columns)
    return _json_lines_bytes(rows) if ending == ".jsonl" else _parquet_bytes(rows)


def joined(parts: Sequence[Path], out: Path) -> None:
    """Write the rows of all parts to `out` atomically; CSV parts must have the same columns."""
    ending = format_of(out)
    with new_file(out) as aside:
        if ending == ".parquet":
            _join_parquet(parts, aside)
        else:
            _join_lines(parts, aside, has_header=ending == ".csv")


def _csv_bytes(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        if odd := [name for name in row if name not in columns]:
            raise ColumnNotInHeader(str(odd[0]))
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return file.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _json_lines_bytes(rows: Sequence[Row]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False, default=str)}\n" for row in rows).encode()


def _parquet_bytes(rows: Sequence[Row]) -> bytes:
    import pyarrow
    import pyarrow.parquet as parquet

    columns = list(dict.fromkeys(name for row in rows for name in row))
    arrays = {}
    for name in columns:
        try:
            arrays[name] = pyarrow.array([row.get(name) for row in rows])
        except pyarrow.ArrowException as error:
            raise MixedTypes(name) from error
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays), file)
    return file.getvalue()


def _join_lines(parts: Sequence[Path], out: Path, *, has_header: bool) -> None:
    with out.open("wb") as whole:
        for number, part in enumerate(parts):
            with part.open("rb") as file:
                if has_header and number:
                    file.readline()
                shutil.copyfileobj(file, whole)


def _join_parquet(parts: Sequence[Path], out: Path) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    # The type of a column is null in a part without a value in this column.
    schema = pyarrow.unify_schemas([parquet.read_schema(part) for part in parts], promote_options="permissive")
    with parquet.ParquetWriter(out, schema) as writer:
        for part in parts:
            table = parquet.read_table(part)
            writer.write_table(pyarrow.concat_tables([schema.empty_table(), table], promote_options="permissive"))
