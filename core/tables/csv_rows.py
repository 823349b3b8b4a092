"""Rows of CSV files, strictly: every row has the width of the header, every quote closes, no column twice."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from core.errors import SHOWN, DuplicateColumnNames, OpenQuote, RowsInQuotes, UndecodableFile, WrongWidth

DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
# Python's default, 131,072 characters, is shorter than some documents.
csv.field_size_limit(1 << 27)
# For lines that were swallowed by a quote: values of each column to know a row by, and the candidates.
_KNOWN_VALUES, _VALUE_LENGTH, _CANDIDATES = 10_000, 64, 1000


class CsvRows:
    """Iterates once over the rows as dictionaries. `delimiter` None: found from the first lines.

    Raises `DuplicateColumnNames`, `WrongWidth`, `OpenQuote` or `RowsInQuotes`.
    """

    def __init__(self, lines: Iterable[str], path: Path, *, delimiter: str | None = None) -> None:
        self._path = path
        self._lines = iter(lines)
        self._line = 0  # of the row that was read last
        sample = self._first_lines(delimiter)
        self.delimiter = self._stated or delimiter or delimiter_of(sample)
        self._reader = csv.reader(
            chain(sample, self._lines), delimiter=self.delimiter, skipinitialspace=True, strict=True
        )
        self._swallowed = _SwallowedLines(self.delimiter)

    def _first_lines(self, delimiter: str | None) -> list[str]:
        """The first lines from the header on, without blank lines before it and the line `sep=;` of spreadsheets."""
        self._skipped, self._stated = 0, None
        for line in self._lines:
            if line.strip().lower().startswith("sep=") and len(line.strip("\r\n")) == len("sep=;"):
                self._stated = line.strip("\r\n")[-1]
            elif line.strip():
                return [line, *islice(self._lines, _SAMPLE_LINES)]
            self._skipped += 1
        return []

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        header = next(self._cells(), (0, []))[1]
        names = self._columns([name.strip() for name in header])
        wrong, wrong_rows = [], 0
        for line, cells in self._cells():
            if len(cells) != len(names) or any(cell for name, cell in zip(names, cells, strict=True) if name is None):
                wrong_rows += 1
                wrong += [(line, len(cells))] if wrong_rows <= SHOWN else []
            elif not wrong:
                row = {name: cell for name, cell in zip(names, cells, strict=True) if name is not None}
                self._swallowed.add(line, cells)
                yield line, row
        if wrong:
            raise WrongWidth(self._path, wrong, wrong_rows, len(names) - names.count(None), self.delimiter)
        if (found := self._swallowed.first()) is not None:
            raise RowsInQuotes(self._path, *found)

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """The line on which each row begins, and its cells; blank lines are skipped."""
        begins = self._skipped + 1
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
        for name in filter(None, names):
            places = [place for place, other in enumerate(names, 1) if other == name]
            if len(places) > 1:
                raise DuplicateColumnNames(self._path, name, places)
        return [name if name or names.count("") == 1 else None for name in names]


class _SwallowedLines:
    """Finds cells that span lines which look like rows: a quote at the start of one text may close in a later one."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._known: list[set[str]] = []
        self._candidates: list[tuple[int, int, list[str]]] = []

    def add(self, line: int, cells: Sequence[str]) -> None:
        if not self._known:
            self._known = [set() for _ in cells]
        for known, cell in zip(self._known, cells, strict=True):
            if 0 < len(cell) <= _VALUE_LENGTH and len(known) < _KNOWN_VALUES:
                known.add(cell.strip())
        for column, cell in enumerate(cells):
            if "\n" in cell and len(cells) > 1:
                self._add_candidates(line, cell, column=column, width=len(cells))

    def _add_candidates(self, line: int, cell: str, *, column: int, width: int) -> None:
        for offset, text in enumerate(cell.splitlines()[:-1]):
            parts = text.split(self._delimiter)
            if offset == 0:  # the row's cells before it, and the text itself, tell nothing
                parts = [""] * (column + 1) + parts[1:]
            if len(parts) == width and len(self._candidates) < _CANDIDATES:
                self._candidates.append((line, line + offset, parts))

    def first(self) -> tuple[int, int] | None:
        """The line of the cell, and the first line in it that has a value of one of the file's columns."""
        for line, inner, parts in self._candidates:
            if any(part.strip() in known for part, known in zip(parts, self._known, strict=True) if part.strip()):
                return line, inner
        return None


def delimiter_of(lines: Sequence[str]) -> str:
    """The character that separates the cells: most of the lines have as many cells as the first, and at least two.

    >>> delimiter_of(["text;label\\n", "Hi, there, Jo;greeting\\n"]), delimiter_of(["text\\n", "a, b\\n"])
    (';', ',')
    """
    best, found = (0.0, 0), ","
    for delimiter in DELIMITERS:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        width = len(rows[0]) if rows else 0
        agreeing = sum(len(row) == width for row in rows) / max(1, len(rows))
        if width > 1 and (agreeing, width) > best:
            best, found = (agreeing, width), delimiter
    return found
