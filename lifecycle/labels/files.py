"""Writes label requests to a CSV file, and reads the labels that people added to it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from core.errors import MissingColumn
from core.feedback import GivenLabel
from core.labels import SEPARATOR
from core.records import LabelRequest
from core.tables.reader import read_table


def write_requests(file: IO[str], requests: Sequence[LabelRequest]) -> None:
    """Columns: prediction_id, text, pair (if a request has one), predicted, score, and label, which is empty."""
    pair = ["pair"] if any(item.pair is not None for item in requests) else []
    writer = csv.DictWriter(
        file,
        ["prediction_id", "text", *pair, "predicted", "score", "label"],
        extrasaction="ignore",
        lineterminator="\n",
    )
    writer.writeheader()
    writer.writerows({**asdict(item), "score": f"{item.score:.4f}", "label": ""} for item in requests)


def read_given_labels(path: Path, *, source: str) -> tuple[list[GivenLabel], int]:
    """The labels of a file with columns prediction_id and label, and the number of rows without a label.

    Raises `MissingColumn` and what `core.tables.read_table` raises.
    """
    rows = read_table(path)
    for column in ("prediction_id", "label"):
        if column not in rows[0]:
            raise MissingColumn(column, path, list(rows[0]), "a header of that name")
    given = [GivenLabel(str(row["prediction_id"]), label, source) for row in rows if (label := _cell(row["label"]))]
    return given, len(rows) - len(given)


def _cell(label: Any) -> str | list[str]:
    """The label, or the list of labels of a JSON Lines or Parquet file; "" without a label."""
    if isinstance(label, list):
        return [str(name) for name in label] or SEPARATOR
    return "" if label is None else str(label).strip()
