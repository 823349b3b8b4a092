"""Data files and the data sets kept under `RETUNE_HOME`, each known by its fingerprint."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.durable import write_bytes
from core.errors import (
    DatasetNotKept,
    EmptyCell,
    EmptyDataset,
    FileMissing,
    MissingColumn,
    UndecodableFile,
    UnknownFileFormat,
)

FORMATS = (".csv", ".jsonl", ".parquet")
Row = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """One text with its label; the label is None in files that carry none."""

    text: str
    label: str | None = None


def read_examples(
    path: Path, *, text_column: str = "text", label_column: str = "label", labelled: bool = True
) -> list[Example]:
    """The rows of a CSV, JSON Lines or Parquet file, in order.

    With `labelled=False` the label column may be missing. Row numbers in messages count from 1, the
    header not included. Raises an `InvalidInput` that names the file, the row and the cure.
    """
    rows = read_table(path)
    columns = list(rows[0])
    if text_column not in columns:
        raise MissingColumn(text_column, path, columns, "--text-column")
    if labelled and label_column not in columns:
        raise MissingColumn(label_column, path, columns, "--label-column")
    return [_example(row, number, path, text_column, label_column, labelled) for number, row in enumerate(rows, 1)]


def _example(row: Row, number: int, path: Path, text_column: str, label_column: str, labelled: bool) -> Example:
    text, label = row.get(text_column), row.get(label_column)
    if text is None or not str(text).strip():
        raise EmptyCell(text_column, number, path)
    if label is None or not str(label).strip():
        if labelled:
            raise EmptyCell(label_column, number, path)
        return Example(str(text))
    return Example(str(text), str(label).strip())


def read_table(path: Path) -> list[Row]:
    """All columns of a CSV, JSON Lines or Parquet file, at least one row; raises as `read_examples`."""
    rows = _read_rows(path)
    if not rows:
        raise EmptyDataset(path)
    return rows


def _read_rows(path: Path) -> list[Row]:
    if path.suffix.lower() not in FORMATS:
        raise UnknownFileFormat(path, FORMATS)
    if not path.is_file():
        raise FileMissing(path, what="data file")
    read = {".csv": _read_csv, ".jsonl": _read_json_lines, ".parquet": _read_parquet}[path.suffix.lower()]
    try:
        return read(path)
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise UndecodableFile(path, str(error)) from error


def _read_csv(path: Path) -> list[Row]:
    # utf-8-sig: spreadsheets begin their files with a byte order mark.
    with path.open(newline="", encoding="utf-8-sig") as file:
        if "\0" in file.read():
            raise UndecodableFile(path, "it holds NUL bytes")
        file.seek(0)
        return list(csv.DictReader(file))


def _read_json_lines(path: Path) -> list[Row]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise UndecodableFile(path, f"line {number} is not a JSON object")
    return rows


def _read_parquet(path: Path) -> list[Row]:
    import pyarrow.parquet as parquet  # large, and only Parquet users have it

    try:
        return list(parquet.read_table(path).to_pylist())
    except ValueError as error:  # pyarrow's ArrowInvalid
        raise UndecodableFile(path, str(error)) from error


def normalised(text: str) -> str:
    """The text as compared: NFKC, lower case, single spaces.

    >>> normalised("  Ｈello \\n World ")
    'hello world'
    """
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().lower()


def fingerprint(examples: Iterable[Example]) -> str:
    """sha256 over the normalised rows, whatever their order.

    >>> rows = [Example("a", "x"), Example("b", "y")]
    >>> fingerprint(rows) == fingerprint(reversed(rows))
    True
    """
    digest = hashlib.sha256()
    for row in sorted(json.dumps([normalised(example.text), example.label]) for example in examples):
        digest.update(row.encode() + b"\n")
    return digest.hexdigest()


def keep_dataset(examples: Sequence[Example], folder: Path) -> str:
    """Store the rows under their fingerprint, once; return it."""
    name = fingerprint(examples)
    path = folder / f"{name}.jsonl"
    if not path.exists():
        lines = [json.dumps({"text": example.text, "label": example.label}, ensure_ascii=False) for example in examples]
        write_bytes(path, ("\n".join(lines) + "\n").encode())
    return name


def kept_dataset(name: str, folder: Path) -> list[Example]:
    """The rows that `keep_dataset` stored under a fingerprint; raises `DatasetNotKept`."""
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        raise DatasetNotKept(name, folder)
    return read_examples(path, labelled=False)


def is_held_out(text: str, *, share: float = 0.4) -> bool:
    """Whether a text from traffic may only measure and never be trained on.

    Decided by the text alone, so every process and every later version decides alike, and a text
    that comes twice never stands on both sides.
    """
    digest = hashlib.sha256(b"held out\n" + normalised(text).encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
