"""Copies of a data file without some of its rows; the other rows stay as they are written."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

from core.tables.decoding import GZIP, UTF_8, encoding_of, unpacked
from core.tables.reader import JSON, PARQUET, Row, format_of, read_table


def content_without(source: Path, numbers: Collection[int]) -> bytes | None:
    """The content of `source` without the rows of these numbers, which count from 1; None if no row is left.

    Raises as `core.tables.reader.read_table`.
    """
    if format_of(source) == PARQUET:
        return _parquet_without(source, numbers)
    rows = read_table(source)
    if len(rows) == len(numbers):
        return None
    with source.open("rb") as file:
        content = unpacked(source, file).read()
    encoding = encoding_of(content)
    text = _text_without(content.decode(encoding), rows, numbers, is_json=format_of(source) == JSON)
    has_mark = encoding != UTF_8 or content.startswith("\ufeff".encode())
    copy = text.encode(encoding if has_mark else "utf-8")
    return gzip.compress(copy, mtime=0) if source.suffix.lower() == GZIP else copy


def _text_without(text: str, rows: Sequence[Row], numbers: Collection[int], *, is_json: bool) -> str:
    shares_lines = any(row.line == other.line for row, other in pairwise(rows))
    if is_json and (shares_lines or text.lstrip().startswith("[")):
        left = [row for number, row in enumerate(rows, 1) if number not in numbers]
        return json.dumps(left, ensure_ascii=False, indent=1) + "\n"
    lines = list(io.StringIO(text, newline=""))
    ends = [row.line - 1 for row in rows[1:]] + [len(lines)]
    removed = {
        index
        for number, (row, end) in enumerate(zip(rows, ends, strict=True), 1)
        if number in numbers
        for index in range(row.line - 1, end)
    }
    return "".join(line for index, line in enumerate(lines) if index not in removed)


def _parquet_without(source: Path, numbers: Collection[int]) -> bytes | None:
    import pyarrow
    import pyarrow.parquet as parquet  # imported here: it is large, and only needed for Parquet

    table = parquet.read_table(source)
    kept = [index for index in range(table.num_rows) if index + 1 not in numbers]
    if not kept:
        return None
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table.take(kept), sink)
    return bytes(sink.getvalue().to_pybytes())
