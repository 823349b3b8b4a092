"""Rows of JSON files: one object a line, objects over several lines, or one array of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core.errors import DuplicateKey, UndecodableFile

# An escape that is not itself escaped, with its second half if it has one.
_SURROGATES = re.compile(r"(?<!\\)(?:\\\\)*(\\u[dD][89a-fA-F][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?)")


class JsonRows:
    """Iterates once over the objects, each with the line on which it begins.

    One object a line is read in constant memory. Raises `UndecodableFile` or `DuplicateKey`.
    """

    def __init__(self, lines: Iterable[str], path: Path) -> None:
        self._path = path
        self._lines = enumerate(lines, 1)
        self._line = 0
        self._decode = json.JSONDecoder(object_pairs_hook=self._pairs, parse_constant=_constant).raw_decode

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in self._lines:
            if not line.strip():
                continue
            self._line = number
            self._require_characters(number, line)
            try:
                value = self._parsed(line)
            except json.JSONDecodeError as error:
                is_unfinished = error.pos >= len(line.rstrip())
                if is_unfinished or line.lstrip().startswith("["):
                    yield from self._spread(number, line)
                    return
                raise self._invalid(number, error.msg) from error
            for item in value if isinstance(value, list) else [value]:
                yield number, self._object(number, item)

    def _spread(self, first: int, line: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of the rest of the file, which is read whole."""
        text = line + "".join(line for _, line in self._lines)
        position, counted = len(text) - len(text.lstrip()), 0
        self._line = first
        is_array = text.startswith("[", position)
        position += is_array
        for offset, inner in enumerate(text.split("\n")):
            self._require_characters(first + offset, inner)
        while (position := _after_blanks(text, position, "," if is_array else "")) < len(text):
            if is_array and text.startswith("]", position):
                if text[position + 1 :].strip():
                    raise self._invalid(_line_of(text, position, first), "there is more after the end of the array")
                return
            self._line += text.count("\n", counted, position)
            counted = position
            try:
                value, position = self._value(text, position)
            except json.JSONDecodeError as error:
                raise self._invalid(_line_of(text, error.pos, first), error.msg) from error
            yield self._line, self._object(self._line, value)
        if is_array:
            raise self._invalid(_line_of(text, position, first), "the array is not closed")

    def _parsed(self, text: str) -> Any:
        value, end = self._value(text, len(text) - len(text.lstrip()))
        if text[end:].strip():
            raise json.JSONDecodeError("there is more than one value on the line", text, end)
        return value

    def _value(self, text: str, position: int) -> tuple[Any, int]:
        try:
            return self._decode(text, position)
        except json.JSONDecodeError:
            raise
        except RecursionError:
            raise self._invalid(self._line, "its values are nested too deeply") from None
        except ValueError as error:  # a number of thousands of digits
            raise self._invalid(self._line, str(error)) from error

    def _object(self, line: int, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._invalid(line, f"{json.dumps(value)[:40]} is not a JSON object")
        return value

    def _require_characters(self, line: int, text: str) -> None:
        """Half of a surrogate pair is no character: nothing could be written with it."""
        for code in _SURROGATES.findall(text) if "\\u" in text else ():
            try:
                json.loads(f'"{code}"').encode()
            except UnicodeEncodeError:
                raise self._invalid(line, f"{code} is half of a surrogate pair") from None

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise DuplicateKey(self._path, self._line, next(name for name in names if names.count(name) > 1))
        return found

    def _invalid(self, line: int, problem: str) -> UndecodableFile:
        return UndecodableFile(self._path, f"line {line}: {problem}", "Write one JSON object for each row")


def _constant(name: str) -> float | None:
    """NaN is how pandas writes a missing value."""
    return None if name == "NaN" else float(name)


def _after_blanks(text: str, position: int, separator: str) -> int:
    blanks = " \t\r\n" + separator
    while position < len(text) and text[position] in blanks:
        position += 1
    return position


def _line_of(text: str, position: int, first: int) -> int:
    return first + text.count("\n", 0, position)
