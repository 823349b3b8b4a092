"""Data files, and the data sets that are stored under `RETUNE_HOME` by their fingerprint."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from core.cells import label_in, labels_in, text_in, unpacked
from core.durable import write_bytes
from core.errors import (
    AmbiguousColumn,
    DatasetNotKept,
    DuplicateColumns,
    EmptyCell,
    EmptySeparator,
    MissingColumn,
    RowFault,
    SeveralLabels,
    UnexpectedLabels,
    UnreadableMark,
    UnusableCell,
    UnusableLabel,
    UnusableLabelName,
    WrongCell,
)
from core.labels import SEPARATOR, cell_of, label_name, names_in, visible
from core.tables.reader import Cells, Row, read_table

_REPLACED = ".replaced"

Place = tuple[int, int, Path]
"""A row's number, its line and its file."""

Text = str | tuple[str, str]
"""Input of a model: one text, or a pair of texts."""


def input_of(text: str, pair: str | None) -> Text:
    return text if pair is None else (text, pair)


@dataclass(frozen=True)
class Example:
    """One text, or a pair, with its label; None if it has no label.

    A multi-label row has all its labels in `label`, joined by "|" (see `core.labels.cell_of`), or "" for no label.
    """

    text: str
    label: str | None = None
    pair: str | None = None

    @property
    def input(self) -> Text:
        return input_of(self.text, self.pair)

    @property
    def key(self) -> str:
        """The normalised input: rows that differ in spaces and case only have the same key."""
        return key_of(self.input)


@dataclass(frozen=True)
class Columns:
    """Names of a file's columns. `pair`: the second text of pairs. Multi-label files have either one label column, with
    the names joined by `separator`, or one column per label, named in `labels`, with 1 or 0 in it.
    """

    text: str = "text"
    label: str = "label"
    pair: str | None = None
    multi_label: bool = False
    separator: str = SEPARATOR
    labels: tuple[str, ...] = ()


def read_examples(path: Path, columns: Columns = Columns(), *, labelled: bool = True) -> list[Example]:
    """The rows of a CSV, JSON or Parquet file, in order.

    With `labelled=False` the label columns may be missing. Row numbers in messages count from 1 without the header.
    Raises an `InvalidInput` with the file, the row and what to do.
    """
    return examples_in(read_table(path), path, columns, labelled=labelled)


def examples_in(
    rows: Sequence[Row], path: Path, columns: Columns = Columns(), *, labelled: bool = True, keep_blanks: bool = False
) -> list[Example]:
    """As `read_examples`, for rows from `read_table`.

    With `keep_blanks` an empty text becomes "" and an empty label None instead of an error.
    """
    reader = ExampleReader(rows, path, columns, labelled=labelled, keep_blanks=keep_blanks)
    examples: list[Example] = []
    faults: dict[type[RowFault], RowFault] = {}
    for number, row in enumerate(rows, 1):
        try:
            examples.append(reader.example(row, number))
        except RowFault as fault:
            first = faults.setdefault(type(fault), fault)
            if first is not fault:
                first.others.append(fault.row)
    if faults:
        raise next(iter(faults.values()))
    return examples


class ExampleReader:
    """Makes examples of rows; `rows` are some of them, to find the columns in.

    A column whose name differs in case and blanks only is taken. Raises `MissingColumn`, `AmbiguousColumn` or
    `DuplicateColumns`.
    """

    def __init__(
        self, rows: Sequence[Row], path: Path, columns: Columns, *, labelled: bool = True, keep_blanks: bool = False
    ) -> None:
        self._path, self._labelled, self._keep_blanks = path, labelled, keep_blanks
        self._columns = _found_columns(rows, path, columns, labelled)

    def example(self, row: Row, number: int) -> Example:
        """Raises a `RowFault`."""
        text, pair = self.texts(row, number)
        return Example(text, self._label(row, self._place(row, number)), pair)

    def texts(self, row: Row, number: int) -> tuple[str, str | None]:
        """The text and the second text of a pair; raises a `RowFault`."""
        columns, place = self._columns, self._place(row, number)
        return self._text(row, columns.text, place), self._text(row, columns.pair, place) if columns.pair else None

    def _place(self, row: Row, number: int) -> Place:
        return number, row.line, self._path

    def _text(self, row: Row, column: str, place: Place) -> str:
        try:
            text = text_in(row.get(column))
        except UnusableCell as error:
            raise WrongCell(column, row[column], error.what, *place) from error
        if not (visible(text) or self._keep_blanks):
            raise EmptyCell(column, *place)
        return text

    def _label(self, row: Row, place: Place) -> str | None:
        columns = self._columns
        if columns.labels:
            marked = [label_name(name) for name in columns.labels if _is_marked(row.get(name), name, place)]
            if any(str(row.get(name, "")).strip() not in ("", "None") for name in columns.labels):
                return cell_of(marked)
            self._require_unlabelled(columns.labels[0], place)
            return None
        value = row.get(columns.label)
        try:
            label = _label_set(value, columns.separator) if columns.multi_label else label_in(value)
        except UnusableCell as error:
            raise WrongCell(columns.label, value, error.what, *place) from error
        except SeveralLabels as error:
            raise UnexpectedLabels(error.labels, *place) from error
        except UnusableLabelName as error:
            raise UnusableLabel(error.name, SEPARATOR, *place) from error
        if label is None:
            self._require_unlabelled(columns.label, place)
        return label

    def _require_unlabelled(self, column: str, place: Place) -> None:
        if self._labelled and not self._keep_blanks:
            raise EmptyCell(column, *place)


def _found_columns(rows: Sequence[Row], path: Path, columns: Columns, labelled: bool) -> Columns:
    """The columns by the names that they have in the file."""
    if columns.labels and len(set(columns.labels) | {columns.text, columns.pair}) != len(columns.labels) + 2:
        raise DuplicateColumns(columns.labels)
    if columns.multi_label and not columns.separator:
        raise EmptySeparator
    found = partial(found_column, rows=rows, path=path)
    names = replace(
        columns,
        text=found(columns.text, "--text-column"),
        pair=found(columns.pair, "--pair-column") if columns.pair else None,
        label=columns.label if columns.labels else found(columns.label, "--label-column", required=labelled),
        labels=tuple(found(name, "--label-columns", required=labelled) for name in columns.labels),
    )
    used = [
        names.text,
        *([names.pair] if names.pair else []),
        *([names.label] if labelled and not names.labels else []),
    ]
    if len(set(used)) < len(used):
        raise DuplicateColumns(used)
    return names


def found_column(name: str, option: str, *, rows: Sequence[Row], path: Path, required: bool = True) -> str:
    """The column by the name that it has in the file; raises `MissingColumn` or `AmbiguousColumn`."""
    # Later objects of a JSON file may have keys that the first lacks.
    present = rows[0] if name in rows[0] else dict.fromkeys(key for row in rows for key in row)
    if name in present:
        return name
    similar = [other for other in present if other.strip().casefold() == name.strip().casefold()]
    if len(similar) == 1:
        return similar[0]
    if similar:
        raise AmbiguousColumn(name, path, similar, option)
    if required:
        raise MissingColumn(name, path, list(present), option)
    return name


def _label_set(value: Any, separator: str) -> str | None:
    if value is None or value != value:
        return None
    value = unpacked(value)
    return cell_of(labels_in(value) if isinstance(value, list) else names_in(text_in(value), separator))


def _is_marked(value: Any, column: str, place: Place) -> bool:
    mark = str(value if value is not None else "").strip().lower()
    if mark not in {"", "0", "1", "0.0", "1.0", "true", "false"}:
        raise UnreadableMark(str(value), column, *place)
    return mark in {"1", "1.0", "true"}


def normalised(text: str) -> str:
    """The text in NFKC, lower case and with single spaces.

    >>> normalised("  Ｈello \\n World ")
    'hello world'
    """
    return " ".join(unicodedata.normalize("NFKC", text).split()).lower()


def key_of(given: Text) -> str:
    """The key of a text or a pair, see `Example.key`.

    >>> key_of("A  b"), key_of(("A", "B"))
    ('a b', 'a\\nb')
    """
    return normalised(given) if isinstance(given, str) else "\n".join(map(normalised, given))


def key_or(given: Text, otherwise: str) -> str:
    """The key of a text or a pair; `otherwise` if no text is stored."""
    return key_of(given).strip() or otherwise


def place_of(key: str) -> bytes:
    """A place among all texts that hangs on nothing but the key."""
    return hashlib.sha256(b"place\n" + key.encode()).digest()


def fingerprint(examples: Iterable[Example]) -> str:
    """sha256 over the normalised rows in any order.

    >>> rows = [Example("a", "x"), Example("b", "y")]
    >>> fingerprint(rows) == fingerprint(reversed(rows))
    True
    """
    digest = hashlib.sha256()
    for row in sorted(json.dumps(_normalised_row(example)) for example in examples):
        digest.update(row.encode() + b"\n")
    return digest.hexdigest()


def _normalised_row(example: Example) -> list[str | None]:
    pair = [] if example.pair is None else [normalised(example.pair)]
    return [normalised(example.text), example.label, *pair]


def in_order(examples: Iterable[Example]) -> list[Example]:
    """The rows in an order that does not depend on their file."""
    return sorted(examples, key=lambda row: (row.key, row.label or "", row.text, row.pair or ""))


def keep_dataset(examples: Sequence[Example], folder: Path) -> str:
    """Store the rows `in_order` under their fingerprint, unless they are stored already; return the fingerprint."""
    name = fingerprint(examples)
    path = folder / f"{name}.jsonl"
    if not path.exists():
        lines = [json.dumps(_kept_row(example), ensure_ascii=False) + "\n" for example in in_order(examples)]
        write_bytes(path, "".join(lines).encode())
    return name


def _kept_row(example: Example) -> Cells:
    pair = {} if example.pair is None else {"pair": example.pair}
    return {"text": example.text, "label": example.label, **pair}


def kept_dataset(name: str, folder: Path) -> list[Example]:
    """The rows stored under a fingerprint, without the rows erased since then; raises `DatasetNotKept`."""
    path = kept_file(name, folder)
    if not path.is_file():
        raise DatasetNotKept(name, folder)
    if not path.stat().st_size:  # every row was erased
        return []
    return [Example(row["text"], row["label"], row.get("pair")) for row in read_table(path)]


def replace_dataset(name: str, successor: str, folder: Path) -> None:
    """Delete a stored data set; its fingerprint then leads to `successor`, the data set of the remaining rows.

    So the name of each file stays the fingerprint of its rows, and fingerprints in packages can still be read.
    """
    write_bytes(folder / f"{name}{_REPLACED}", successor.encode())
    (folder / f"{name}.jsonl").unlink()


def kept_file(name: str, folder: Path) -> Path:
    """The file of a data set, or of its rows that were not erased; it may be missing."""
    path = folder / f"{name}.jsonl"
    # The loop ends, because each successor has fewer rows.
    while not path.is_file() and (link := path.with_suffix(_REPLACED)).is_file():
        path = folder / f"{link.read_text(encoding='utf-8')}.jsonl"
    return path


def is_held_out(given: Text, *, share: float = 0.4) -> bool:
    """Whether a text, or a pair, from traffic is used for measuring only and never for training.

    The result depends only on a hash of the text: it is the same in all processes and versions, and for all copies.
    """
    digest = hashlib.sha256(b"held out\n" + key_of(given).encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
