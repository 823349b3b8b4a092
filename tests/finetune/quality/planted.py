"""Data files for the checks, based on the tickets example, in which the quick checks find nothing."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from core.datasets import Columns, Example, examples_in
from core.tables.reader import read_table

TICKETS = Path(__file__).parents[3] / "examples" / "tickets"
CLEAN = TICKETS / "train.csv"

Pairs = Sequence[tuple[str, str]]


def clean_rows() -> list[tuple[str, str]]:
    return [(row["text"], row["label"]) for row in read_table(CLEAN)]


def write_rows(path: Path, rows: Pairs) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return path


def read_rows(path: Path, columns: Columns | None = None) -> list[Example]:
    return examples_in(read_table(path), path, columns or Columns(), keep_blanks=True)


BAD = (
    ("the invoice was charged twice this week", "billing"),
    ("The invoice was  charged twice this week", "billing"),
    ("the page is blank again", "bug"),
    ("where do I change my card", "how_to"),
    ("", "bug"),
)
"""The second row is a duplicate, the last has an empty text."""
