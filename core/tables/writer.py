"""Writes rows as CSV, JSON Lines and Parquet files."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.durable import new_file
from core.errors import ColumnNotInHeader, MixedTypes, UnknownFileFormat
from core.tables.reader import CSV, JSON, PARQUET, Cells

WRITTEN = (CSV, JSON, PARQUET)


def written_format(path: Path) -> str:
    """The format to write a file in, by its ending; raises `UnknownFileFormat`."""
    ending = path.suffix.lower()
    if ending not in WRITTEN:
        raise UnknownFileFormat(path, WRITTEN)
    return ending


def table_bytes(rows: Sequence[Cells], ending: str, columns: Sequence[str]) -> bytes:
    """Content of a file with these rows; `columns` is the header of a CSV file.

    Raises `ColumnNotInHeader` for a CSV row with another column, `MixedTypes` for a column without a Parquet type.
    """
    if ending == ".csv":
        return _csv_bytes(rows, columns)
    return _json_lines_bytes(rows) if ending == ".jsonl" else _parquet_bytes(rows)


def joined(parts: Sequence[Path], out: Path) -> None:
    """Write the rows of all parts to `out` atomically; CSV parts must have the same columns."""
    ending = written_format(out)
    with new_file(out) as aside:
        if ending == ".parquet":
            _join_parquet(parts, aside)
        else:
            _join_lines(parts, aside, has_header=ending == ".csv")


def _csv_bytes(rows: Sequence[Cells], columns: Sequence[str]) -> bytes:
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


def _json_lines_bytes(rows: Sequence[Cells]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False, default=str)}\n" for row in rows).encode()


def _parquet_bytes(rows: Sequence[Cells]) -> bytes:
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

    # A column without a value in one part has the type null there.
    schema = pyarrow.unify_schemas([parquet.read_schema(part) for part in parts], promote_options="permissive")
    with parquet.ParquetWriter(out, schema) as writer:
        for part in parts:
            table = parquet.read_table(part)
            writer.write_table(pyarrow.concat_tables([schema.empty_table(), table], promote_options="permissive"))
