"""Data files as people and their tools write them, each with the rows that were meant, or none: it must be refused."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

Rows = Sequence[tuple[str, str]]
TEXTS = (
    "Where is my invoice, please",
    "Refund the order; it came broken",
    'The page says "not found"',
    "Two lines\nof one text",
    "Der Preis hat sich geändert",
    "App crashes | on start",
    "Sync\tstopped",
    "日本語のテキスト",
)
ROWS: Rows = [(text, ("billing", "bug")[number % 2]) for number, text in enumerate(TEXTS)]
LATIN: Rows = [(text, label) for text, label in ROWS if text.isascii()]


@dataclass(frozen=True)
class OddFile:
    """`rows`: what was meant; None: to be refused for training. `row_count`: of a file that is refused for its cells
    only. `about`: for the name of the test.
    """

    about: str
    name: str
    content: bytes
    rows: Rows | None
    row_count: int | None = None


def odd_files() -> list[OddFile]:
    return [
        *_csv_dialects(),
        *_headers(),
        *_json_forms(),
        *_broken_csv(),
        *_broken_json(),
        *_wrong_types(),
        *_broken_bytes(),
    ]


def table(
    rows: Rows,
    *,
    delimiter: str = ",",
    quote_all: bool = False,
    end: str = "\n",
    header: Sequence[str] = ("text", "label"),
) -> str:
    file = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([header, *rows])
    return file.getvalue()


def _csv_dialects() -> Iterator[OddFile]:
    encodings = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
    for delimiter, encoding, end, quote_all in product(",;\t|", encodings, ("\n", "\r\n"), (False, True)):
        content = table(ROWS, delimiter=delimiter, quote_all=quote_all, end=end).encode(encoding)
        yield OddFile(f"{delimiter!r} {encoding} {end!r} {quote_all}", "a.csv", content, ROWS)
    for encoding in ("utf-16-le", "utf-16-be"):
        yield OddFile(f"{encoding} without a mark", "a.csv", table(LATIN).encode(encoding), LATIN)
    yield OddFile("tsv", "a.tsv", table(ROWS, delimiter="\t").encode(), ROWS)
    for delimiter in ",;":
        yield OddFile(
            f"sep={delimiter}", "a.csv", f"sep={delimiter}\r\n{table(ROWS, delimiter=delimiter)}".encode(), ROWS
        )
        yield OddFile(f"gz {delimiter}", "a.csv.gz", gzip.compress(table(ROWS, delimiter=delimiter).encode()), ROWS)
    yield OddFile(
        "blank lines",
        "a.csv",
        f"\n\n{table(LATIN[:3])}\n\n{LATIN[4][0]},bug\n\n".encode(),
        [*LATIN[:3], (LATIN[4][0], "bug")],
    )
    long = [("word " * 30_000, "billing"), ("short", "bug")]
    yield OddFile("a cell of 150,000 characters", "a.csv", table(long).encode(), long)


def _headers() -> Iterator[OddFile]:
    for header in (("Text", "Label"), (" TEXT ", " label "), ("text", "LABEL")):
        yield OddFile(f"header {header}", "a.csv", table(ROWS, header=header).encode(), ROWS)
    unnamed = io.StringIO(newline="")
    csv.writer(unnamed, lineterminator="\n").writerows([("text", "label", "", ""), *((*row, "", "") for row in ROWS)])
    yield OddFile("columns without a name", "a.csv", unnamed.getvalue().encode(), ROWS)
    indexed = [("", "text", "label"), *((number, *row) for number, row in enumerate(ROWS))]
    index = io.StringIO(newline="")
    csv.writer(index, lineterminator="\n").writerows(indexed)
    yield OddFile("an index without a name", "a.csv", index.getvalue().encode(), ROWS)
    for twice in (("text", "label", "label"), ("text", "text", "label"), ("label", "label", "text")):
        rows = "".join(",".join((row[0], "a", "b")) + "\n" for row in (("x", "y"), ("z", "y")))
        yield OddFile(f"twice in {twice}", "b.csv", f"{','.join(twice)}\n{rows}".encode(), None)
    for header in (("texts", "label"), ("body", "label"), ("text", "intent")):
        row_count = len(ROWS) if header[0] == "text" else None
        yield OddFile(f"other names {header}", "a.csv", table(ROWS, header=header).encode(), None, row_count)
    yield OddFile("no header", "a.csv", table(ROWS[1:], header=ROWS[0]).encode(), None)


def _json_forms() -> Iterator[OddFile]:
    objects = [{"text": text, "label": label} for text, label in ROWS]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in objects)
    escaped = "".join(json.dumps(row) + "\n" for row in objects)
    array, indented = json.dumps(objects), json.dumps(objects, indent=2, ensure_ascii=False)
    spread = "\n".join(json.dumps(row, indent=1) for row in objects)
    emoji = '{"text": "\\ud83d\\ude00 \\\\ud83d", "label": "x"}\n{"text": "b", "label": "y"}\n'
    yield OddFile("whole pairs", "a.jsonl", emoji.encode(), [("😀 \\ud83d", "x"), ("b", "y")])
    forms = {"lines": lines, "escaped": escaped, "array": array, "indented array": indented, "indented objects": spread}
    for (about, content), name, encoding in product(forms.items(), ("a.jsonl", "a.json"), ("utf-8", "utf-8-sig")):
        yield OddFile(f"{about} {name} {encoding}", name, content.encode(encoding), ROWS)
    yield OddFile("ndjson", "a.ndjson", lines.encode(), ROWS)
    yield OddFile("lines gz", "a.jsonl.gz", gzip.compress(lines.encode()), ROWS)
    yield OddFile("lists of one", "a.jsonl", _lines([(text, [label]) for text, label in ROWS]), ROWS)
    yield OddFile(
        "whole numbers",
        "a.jsonl",
        _lines([("a", 1), ("b", "1"), ("c", 2), ("d", "2")]),
        [("a", "1"), ("b", "1"), ("c", "2"), ("d", "2")],
    )
    yield OddFile(
        "blanks around labels",
        "a.jsonl",
        _lines([("a", " x"), ("b", "x\u00a0"), ("c", "y")]),
        [("a", "x"), ("b", "x"), ("c", "y")],
    )


def _lines(rows: Sequence[tuple[Any, Any]]) -> bytes:
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows).encode()


def _placed(bad: str) -> Iterator[tuple[str, str]]:
    """The bad line as the first, a middle and the last row."""
    good = ["Where is it,billing", "It fails,bug", "Who pays,billing", "A crash,bug"]
    for about, place in (("first", 0), ("middle", 2), ("last", 4)):
        yield about, "\n".join(["text,label", *good[:place], bad, *good[place:]]) + "\n"


def _broken_csv() -> Iterator[OddFile]:
    bad = {
        "unquoted comma": "Charged twice, thanks,billing",
        "two unquoted commas": "Charged, twice, thanks,billing",
        "a cell less": "Charged twice",
        "an empty cell more": "Charged twice,billing,",
        "quote never closed": '"Charged twice,billing',
        "quote in the label": 'Charged twice,"billing',
        "quote closed early": '"Charged" twice,billing',
        "quotes by backslash": '"Say \\"hi\\", please",billing',
        "no text": ",billing",
        "no label": "Charged twice,",
        "blank label": "Charged twice,  ",
    }
    for about, line in bad.items():
        for where, content in _placed(line):
            has_blank_cell = about in ("no text", "no label", "blank label")
            yield OddFile(f"{about}, {where}", "a.csv", content.encode(), None, 5 if has_blank_cell else None)
    swallowed = 'text,label\nIt fails,bug\n"Charged twice,billing\nIt fails,bug\nWho pays",billing\nA crash,bug\n'
    yield OddFile("rows in quotes", "a.csv", swallowed.encode(), None)
    yield OddFile(
        "rows in quotes of the label",
        "a.csv",
        swallowed.replace('"Charged twice,', 'Charged twice,"').replace('pays",billing', 'pays,billing"').encode(),
        None,
    )
    for nothing in (b"", b"\n\n", b"text,label\n", b"<html><body>404</body></html>\n", b"sep=;\n"):
        yield OddFile(f"nothing in {nothing!r}", "a.csv", nothing, None)


def _broken_json() -> Iterator[OddFile]:
    good = '{"text": "It fails", "label": "bug"}'
    for about, bad in {
        "key twice": '{"text": "a", "label": "x", "label": "y"}',
        "no JSON": '{"text": oops}',
        "cut": '{"text": "a", "label":',
        "two a line": f"{good} {good}",
        "a number": "5",
        "a string": '"It fails"',
        "null": "null",
        "single quotes": "{'text': 'a', 'label': 'x'}",
        "half a pair": '{"text": "\\ud83d", "label": "x"}',
        "the other half": '{"text": "a", "label": "x", "more": ["\\\\\\udc00"]}',
    }.items():
        yield OddFile(about, "a.jsonl", f"{good}\n{bad}\n{good}\n".encode(), None)
    for about, whole in {
        "open array": f"[{good},",
        "more after it": f"[{good}] x",
        "wrapped": f'{{"data": [{good}]}}',
        "empty": "[]",
    }.items():
        yield OddFile(about, "a.json", whole.encode(), None)


def _wrong_types() -> Iterator[OddFile]:
    labels: tuple[Any, ...] = (
        None,
        float("nan"),
        1.0,
        0.5,
        True,
        False,
        {"choices": ["x"]},
        ["x", "y"],
        [],
        [["x"]],
        "",
        "  ",
        float("inf"),
    )
    for label in labels:
        rows = [("It fails", "bug"), ("Charged twice", label), ("Who pays", "billing")]
        yield OddFile(f"label {label!r}", "a.jsonl", _lines(rows), None, 3)
    texts: tuple[Any, ...] = ({"subject": "Hi", "body": "x"}, ["a", "b"], True, 1.5, None, "", " ")
    for text in texts:
        rows = [("It fails", "bug"), (text, "billing"), ("Who pays", "billing")]
        yield OddFile(f"text {text!r}", "a.jsonl", _lines(rows), None, 3)


def _broken_bytes() -> Iterator[OddFile]:
    umlauts = "text,label\nGrüße aus Köln,bug\nÄpfel,billing\n"
    for encoding in ("cp1252", "latin-1", "cp437", "mac-roman"):
        yield OddFile(encoding, "a.csv", umlauts.encode(encoding), None)
    yield OddFile("cp1251", "a.csv", "text,label\nПривет,bug\n".encode("cp1251"), None)
    yield OddFile("Shift JIS", "a.csv", "text,label\n日本語,bug\n".encode("shift-jis"), None)
    yield OddFile("NUL", "a.csv", b"text,label\na\0b,bug\n", None)
    yield OddFile("a workbook", "a.csv", b"PK\x03\x04" + bytes(range(256)) * 8, None)
    yield OddFile("a picture", "a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, None)
    yield OddFile("no archive", "a.csv.gz", table(ROWS).encode(), None)
    yield OddFile("a cut archive", "a.csv.gz", gzip.compress(table([*ROWS] * 50).encode())[:-20], None)
    yield OddFile("no Parquet", "a.parquet", table(ROWS).encode(), None)
    yield OddFile("another ending", "a.xlsx", b"PK\x03\x04", None)
