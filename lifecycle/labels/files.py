"""Writes label requests to a CSV file, and reads the labels that people added to it."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from core.cells import labels_in, text_in, unpacked
from core.datasets import found_column
from core.errors import UnusableCell
from core.feedback import GivenLabel
from core.labels import SEPARATOR, label_name
from core.records import LabelRequest
from core.tables.reader import read_table
from lifecycle.labels.spreadsheet import escaped_row, unescaped

ID, LABEL, PREDICTED, CHOICES = "prediction_id", "label", "predicted", "choices"


@dataclass(frozen=True)
class RefusedRow:
    """A row whose label cannot be what was meant: its number below the header, its line, and why."""

    row: int
    line: int
    reason: str

    @property
    def sentence(self) -> str:
        return f"Row {self.row} (line {self.line}): {self.reason}."


@dataclass(frozen=True)
class FileLabel:
    """A label of a file, its row, and what the file says was predicted."""

    given: GivenLabel
    row: int
    line: int
    predicted: str | None = None

    def refused(self, reason: str) -> RefusedRow:
        return RefusedRow(self.row, self.line, reason)


@dataclass(frozen=True)
class LabelFile:
    """`empty`: number of rows without a label."""

    labels: list[FileLabel]
    refused: list[RefusedRow]
    empty: int


def write_requests(file: IO[str], requests: Sequence[LabelRequest], labels: Sequence[str]) -> None:
    """Columns: prediction_id, text, pair (if a request has one), predicted, score, label, which is empty, and choices,
    which has the names of the model's labels. Safe to open in a spreadsheet.
    """
    pair = ["pair"] if any(item.pair is not None for item in requests) else []
    names = [ID, "text", *pair, PREDICTED, "score", LABEL, CHOICES]
    writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    choices = " | ".join(labels)
    for item in requests:
        cells = {**asdict(item), "score": f"{item.score:.4f}", LABEL: "", CHOICES: choices}
        writer.writerow(escaped_row(cells))


def read_labels(path: Path, *, source: str) -> LabelFile:
    """The labels of a file with columns prediction_id and label, and predicted, if there is one.

    A label may also be `{"choices": […]}`, as Label Studio writes it. Raises `MissingColumn` and what
    `core.tables.reader.read_table` raises.
    """
    rows = read_table(path)
    ids, labels = (found_column(name, "a header of that name", rows=rows, path=path) for name in (ID, LABEL))
    predicted = found_column(PREDICTED, "", rows=rows, path=path, required=False)
    found, refused = [], []
    for number, row in enumerate(rows, 1):
        try:
            label = _label(row.get(labels))
            given = GivenLabel(text_in(row.get(ids)).strip(), label, source)
        except UnusableCell as error:
            refused.append(RefusedRow(number, row.line, f"it has {error.what} where a text belongs"))
            continue
        if label:
            answer = row.get(predicted)
            found.append(FileLabel(given, number, row.line, unescaped(answer) if isinstance(answer, str) else None))
    return LabelFile(found, refused, len(rows) - len(found) - len(refused))


def _label(value: Any) -> str | list[str]:
    """The label, or the names of a list; "" without a label."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        value = _parsed(value)
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        value = value["choices"]
    if isinstance(value, list):
        return labels_in(value) or SEPARATOR
    return unescaped(label_name(text_in(value)))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return unpacked(text)
