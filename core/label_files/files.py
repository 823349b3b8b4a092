"""Writes label requests to a CSV file, and reads the labels that people added to it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from core.cells import labels_in, text_in, unpacked
from core.datasets import found_column
from core.errors import MissingColumn, NoLabelRequests, UnusableCell
from core.feedback import Given, GivenLabel
from core.label_files.exchange import LABEL, LabelledRows, read_rows
from core.label_files.spreadsheet import escaped_row
from core.labels import SEPARATOR, label_name
from core.records import CannotTell, LabelRequest
from core.tables.reader import Row

ID, GROUP, PREDICTED, CHOICES = "prediction_id", "group", "predicted", "choices"
UNTOLD, SAME = "?", "="
"""In place of a label: nobody can tell it; it is that of the typical text of the group. A label by such a name is one
nonetheless.
"""


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
    """What a file says of a prediction, its row, what it says was predicted, and its group.

    `is_alike`: the person answered the typical text of the group, and said that this one is the same.
    """

    given: Given
    row: int
    line: int
    predicted: str | None = None
    group: str | None = None
    is_alike: bool = False

    def refused(self, reason: str) -> RefusedRow:
        return RefusedRow(self.row, self.line, reason)


@dataclass(frozen=True)
class LabelFile:
    """`empty`: number of rows without a label."""

    labels: list[FileLabel]
    refused: list[RefusedRow]
    empty: int


def write_requests(file: IO[str], requests: Sequence[LabelRequest], labels: Sequence[str]) -> None:
    """Columns: prediction_id, group, text, pair (if a request has one), predicted, score, label, which is empty, and
    choices, which has the names of the model's labels. Safe to open in a spreadsheet.

    `group` is the prediction_id of the typical text with which a text is asked for, and empty if it is asked for alone.
    """
    pair = ["pair"] if any(item.pair is not None for item in requests) else []
    names = [ID, GROUP, "text", *pair, PREDICTED, "score", LABEL, CHOICES]
    writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    choices = " | ".join(labels)
    for item in requests:
        cells = {**asdict(item), "score": f"{item.score:.4f}", LABEL: "", CHOICES: choices}
        writer.writerow(escaped_row(cells))


def read_labels(path: Path, *, source: str) -> LabelFile:
    """The labels of a file with columns prediction_id and label, and predicted and group, if there are such.

    The file may also be an export of Label Studio or Argilla: of a task that a person skipped, the label cannot be
    told. UNTOLD and SAME are labels here; a label may be `{"choices": […]}`, as Label Studio writes it. Raises
    `MissingColumn` and as `read_rows`.
    """
    file = read_rows(path)
    columns = _columns(file, path)
    found, refused = [], []
    for number, row in sorted({**file.rows, **file.untold}.items()):
        try:
            given = _given(row, columns, source, is_untold=number in file.untold)
        except UnusableCell as error:
            refused.append(RefusedRow(number, row.line, f"it has {error.what} where a text belongs"))
            continue
        if given:
            answer, group = (_string(row, columns[name]) for name in (PREDICTED, GROUP))
            found.append(FileLabel(given, number, row.line, answer, group and group.strip()))
    return LabelFile(found, refused, file.empty + len(file.rows) - len(found) - len(refused))


def _columns(file: LabelledRows, path: Path) -> dict[str, str]:
    """The columns by the names that they have in the file."""
    labelled, every = list(file.rows.values()), [*file.rows.values(), *file.untold.values()]
    searched = {ID: every, LABEL: labelled, PREDICTED: every, GROUP: every}
    try:
        return {
            name: found_column(name, "its header", rows=rows, path=path, required=name in (ID, LABEL))
            for name, rows in searched.items()
            if rows
        }
    except MissingColumn as error:
        raise NoLabelRequests(path, list(every[0])) from error


def _string(row: Row, column: str) -> str | None:
    value = row.get(column)
    return value if isinstance(value, str) else None


def _given(row: Row, columns: Mapping[str, str], source: str, *, is_untold: bool) -> Given | None:
    key = text_in(row.get(columns[ID])).strip()
    if is_untold:
        return CannotTell(key, source)
    label = _label(row.get(columns[LABEL]))
    return GivenLabel(key, label, source) if label else None


def _label(value: Any) -> str | list[str]:
    """The label, or the names of a list; "" without a label."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        value = _parsed(value)
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        value = value["choices"]
    if isinstance(value, list):
        return labels_in(value) or SEPARATOR
    return label_name(text_in(value))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return unpacked(text)
