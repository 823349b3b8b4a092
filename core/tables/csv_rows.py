"""Rows of CSV files, strictly: every row has the width of the header, every quote closes, no column twice."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from core.errors import (
    SHOWN,
    DuplicateColumnNames,
    OpenQuote,
    RepeatedHeader,
    RowsInQuotes,
    UndecodableFile,
    WrongWidth,
)
from core.labels import label_name

DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
# Python's default, 131,072 characters, is shorter than some documents.
csv.field_size_limit(1 << 27)
# For lines that were swallowed by a quote: the most values of a column that are known, and their length.
_KNOWN_VALUES, _VALUE_LENGTH = 100_000, 64
# In files of so few rows all rows count, not only those with a short value.
_FEW = 10
_LINE_END = re.compile(r"\r\n|\r|\n")
_RULE = re.compile(r":?-{2,}:?")


class CsvRows:
    """Iterates once over the rows as dictionaries. `delimiter` None: found from the first lines.

    Raises `DuplicateColumnNames`, `WrongWidth`, `OpenQuote` or `RowsInQuotes`.
    """

    def __init__(self, lines: Iterable[str], path: Path, *, delimiter: str | None = None) -> None:
        self._path = path
        self._lines = iter(lines)
        self._skipped = 0  # lines before the header
        sample, stated = self._first_lines()
        self.delimiter = stated or delimiter or delimiter_of(sample)
        self._reader = csv.reader(
            chain(sample, self._lines), delimiter=self.delimiter, skipinitialspace=True, strict=True
        )
        self._swallowed = _SwallowedLines(self.delimiter)

    def _first_lines(self) -> tuple[list[str], str | None]:
        """The first lines from the header on, and the delimiter of a line `sep=;` before it, as spreadsheets write."""
        stated = None
        for line in self._lines:
            if line.strip().lower().startswith("sep=") and len(line.strip("\r\n")) == len("sep=;"):
                stated = line.strip("\r\n")[-1]
            elif line.strip():
                return [line, *islice(self._lines, _SAMPLE_LINES)], stated
            self._skipped += 1
        return [], stated

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        begins, header = next(self._cells(), (0, []))
        names = self._columns([label_name(name) for name in header])
        unnamed = [index for index, name in enumerate(names) if name is None]
        folded = _folded(header)
        wrong, wrong_rows = [], 0
        for line, cells in self._cells():
            if len(cells) != len(names) or any(cells[index] for index in unnamed):
                wrong_rows += 1
                wrong += [(line, len(cells))] if wrong_rows <= SHOWN else []
            # The last cell alone first: folding every text would take half of the time.
            elif _folded(cells[-1:]) == folded[-1:] and _folded(cells) == folded:
                raise RepeatedHeader(self._path, line)
            elif line <= begins + 2 and all(_RULE.fullmatch(cell.strip()) for cell in cells if cell.strip()):
                raise UndecodableFile(self._path, f"line {line} is the rule of a Markdown table", "Save it as CSV")
            elif not wrong:
                row = {name: cell for name, cell in zip(names, cells, strict=True) if name is not None}
                self._swallowed.add(line, cells)
                yield line, row
        if wrong:
            raise WrongWidth(self._path, wrong, wrong_rows, len(names) - len(unnamed), self.delimiter)
        if (found := self._swallowed.first()) is not None:
            raise RowsInQuotes(self._path, *found)

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """The line on which each row begins, and its cells; blank lines are skipped."""
        while True:
            begins = self._skipped + self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._unreadable(begins, str(error)) from error
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield begins, cells

    def _unreadable(self, begins: int, problem: str) -> Exception:
        if "unexpected end" in problem or "expected after" in problem:
            return OpenQuote(self._path, begins, self._skipped + self._reader.line_num)
        return UndecodableFile(self._path, f"line {begins}: {problem}")

    def _columns(self, names: Sequence[str]) -> list[str | None]:
        """Distinct names. None: one of several unnamed columns, which spreadsheets add; its cells are empty."""
        require_distinct(names, self._path, repeatable=("",))
        is_only_unnamed = names.count("") == 1
        return [name if name or is_only_unnamed else None for name in names]


class _SwallowedLines:
    """Finds cells that span lines which look like rows: a quote at the start of one text may close in a later one.

    A line inside a cell looks like a row if it ends, or begins, with a value of the last, or first, column, and if that
    column has values that recur, as labels do.
    """

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._rows = 0
        self._values = {0: 0, -1: 0}
        # By the ends of a row, 0 and -1: the values of the column, and where a line inside a cell has them.
        self._known: dict[int, set[str]] = {0: set(), -1: set()}
        self._inside: dict[int, dict[str, tuple[int, int]]] = {0: {}, -1: {}}

    def add(self, line: int, cells: Sequence[str]) -> None:
        if len(cells) < 2:
            return
        self._rows += 1
        for end, known in self._known.items():
            value = cells[end].strip()
            if 0 < len(value) <= _VALUE_LENGTH and len(known) < _KNOWN_VALUES and not ("\n" in value or "\r" in value):
                known.add(value)
                self._values[end] += 1
        for cell in cells:
            if "\n" in cell or "\r" in cell:
                self._add_inside(line, _LINE_END.split(cell)[:-1])

    def _add_inside(self, line: int, inside: Sequence[str]) -> None:
        for offset, text in enumerate(inside):
            parts = [part.strip() for part in text.split(self._delimiter)]
            # The first line goes on from the cells before it.
            for end in (-1, 0) if offset else (-1,):
                found = self._inside[end]
                if len(parts) > 1 and 0 < len(parts[end]) <= _VALUE_LENGTH and len(found) < _KNOWN_VALUES:
                    found.setdefault(parts[end], (line, line + offset))

    def first(self) -> tuple[int, int] | None:
        """The line of the cell, and the line in it that looks like a row."""
        found = [
            place
            for end, places in self._inside.items()
            if 3 * len(self._known[end]) <= 2 * (self._values[end] if self._rows > _FEW else self._rows)
            for value, place in places.items()
            if value in self._known[end]
        ]
        return min(found, default=None)


def require_distinct(names: Sequence[str], path: Path, *, repeatable: Collection[str] = ()) -> None:
    """Raises `DuplicateColumnNames` for a name that is there twice and not `repeatable`."""
    counts = Counter(names)
    twice = next((name for name in names if counts[name] > 1 and name not in repeatable), None)
    if twice is not None:
        raise DuplicateColumnNames(path, twice, [place for place, name in enumerate(names, 1) if name == twice])


def _folded(cells: Sequence[str]) -> list[str]:
    return [label_name(cell).casefold() for cell in cells]


def delimiter_of(lines: Sequence[str]) -> str:
    """The character that separates the cells: most of the lines have as many cells as the first, and at least two.

    >>> delimiter_of(["text;label\\n", "Hi, there, Jo;greeting\\n"]), delimiter_of(["text\\n", "a, b\\n"])
    (';', ',')
    """
    best, found = (0.0, 0), ","
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:  # a cell that is too long is refused when its row is read
            continue
        width = len(rows[0]) if rows else 0
        agreeing = sum(len(row) == width for row in rows) / max(1, len(rows))
        if width > 1 and (agreeing, width) > best:
            best, found = (agreeing, width), delimiter
    return found
