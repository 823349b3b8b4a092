"""Lines of a text file in the encoding that it has; compressed files are unpacked."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from core.errors import UndecodableFile

GZIP = ".gz"
UTF_8 = "utf-8-sig"  # spreadsheets write a byte order mark
# The longer marks first: UTF-32's begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN_MARKS = "‘’“”„–—…€£°§´«»·¿¡\xa0"
_SAMPLE_BYTES = 4096
_ZIP = b"PK\x03\x04"
DECODING_ERRORS = (OSError, EOFError, zlib.error)


def encoding_of(start: bytes) -> str:
    """The encoding of a file that begins with these bytes: by its byte order mark, or by the zeros of UTF-16.

    >>> encoding_of("text".encode("utf-16")), encoding_of("text".encode("utf-16-le")), encoding_of(b"text")
    ('utf-16', 'utf-16-le', 'utf-8-sig')
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    even, odd = (start[first::2] for first in (0, 1))
    # Text in Latin letters: every other byte is zero.
    for zeros, letters, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if len(zeros) > 1 and zeros.count(0) > 0.7 * len(zeros) and 0 not in letters:
            return name
    return UTF_8


def unpacked(path: Path, file: IO[bytes]) -> IO[bytes]:
    """The content of the open file, unpacked if its name ends in `.gz`."""
    return gzip.open(file) if path.suffix.lower() == GZIP else file  # type: ignore[return-value]  # a GzipFile


def decoded_lines(path: Path, file: IO[bytes], encoding: str) -> Iterator[str]:
    """The lines of `file` with their line ends. Raises `UndecodableFile` with the first line that is not text."""
    text = TextIOWrapper(file, encoding=encoding, newline="")
    try:
        for line in text:
            if "\0" in line:
                raise UndecodableFile(path, "it holds NUL bytes")
            if "\x1b" in line:
                raise UndecodableFile(path, "it holds escape sequences, as ISO-2022 has them")
            yield line
    except UnicodeDecodeError as error:
        raise UndecodableFile(path, _undecodable(path, encoding, str(error))) from error
    finally:
        with suppress(ValueError):  # the file was closed before the last line
            text.detach()  # its finalizer would close the file, whose position is still asked for


def start_of(path: Path, file: IO[bytes]) -> bytes:
    """The first bytes of a file, which is rewound; raises `UndecodableFile` for a ZIP file."""
    start = file.read(_SAMPLE_BYTES)
    if start.startswith(_ZIP):
        raise UndecodableFile(path, "it is a ZIP file or a workbook of a spreadsheet", "Save its rows as CSV")
    file.seek(0)
    return start


def _undecodable(path: Path, encoding: str, reason: str) -> str:
    if encoding != UTF_8:
        return f"its encoding seems to be {encoding.upper()}, but {reason}"
    with path.open("rb") as raw:
        for number, line in enumerate(unpacked(path, raw), 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"line {number} is not UTF-8 (byte 0x{line[error.start]:02x}){_likely(line)}"
    return reason


def _likely(line: bytes) -> str:
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    odd = [mark for mark in text if ord(mark) > 127]
    # Western European letters among others, quotation marks, dashes and the euro sign are what it is used for.
    is_mostly_ascii = 3 * len(odd) < len(text)
    is_likely = is_mostly_ascii and all(mark.isalpha() or mark in _WESTERN_MARKS for mark in odd)
    return ". Its encoding is probably Windows-1252" if is_likely else ""
