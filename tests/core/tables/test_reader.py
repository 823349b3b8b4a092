"""Files as people and their tools write them: each is read as it was meant, or refused in a sentence."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from core.datasets import read_examples
from core.errors import InvalidInput
from core.tables.reader import read_table

ROWS = [{"text": "Hi, Jo", "label": "x"}, {"text": "Bye", "label": "y"}]
COMMAS = 'text,label\n"Hi, Jo",x\nBye,y\n'
READABLE: dict[str, tuple[str, str | bytes]] = {
    "quotes": ("a.csv", '"text","label"\n"Hi, Jo","x"\n"Bye","y"\n'),
    "blanks after commas": ("a.csv", 'text, label\n"Hi, Jo", x\nBye, y\n'),
    "blanks around names": ("a.csv", '" text ",label\t\n"Hi, Jo",x\nBye,y\n'),
    "no last line end": ("a.csv", COMMAS.rstrip()),
    "Windows line ends": ("a.csv", COMMAS.replace("\n", "\r\n")),
    "old Mac line ends": ("a.csv", COMMAS.replace("\n", "\r")),
    "blank lines": ("a.csv", "\n \n" + COMMAS.replace("Bye", "\nBye") + "\n\n"),
    "columns without a name": ("a.csv", 'text,label,,\n"Hi, Jo",x,,\nBye,y,,\n'),
    "semicolons": ("a.csv", "text;label\nHi, Jo;x\nBye;y\n"),
    "tabs": ("a.csv", "text\tlabel\nHi, Jo\tx\nBye\ty\n"),
    "bars": ("a.csv", "text|label\nHi, Jo|x\nBye|y\n"),
    "tsv": ("a.tsv", "text\tlabel\nHi, Jo\tx\nBye\ty\n"),
    "separator named": ("a.csv", "sep=;\ntext;label\nHi, Jo;x\nBye;y\n"),
    "comma named": ("a.csv", "sep=,\r\n" + COMMAS),
    "byte order mark": ("a.csv", COMMAS.encode("utf-8-sig")),
    "UTF-16": ("a.csv", COMMAS.encode("utf-16")),
    "UTF-16 without a mark": ("a.csv", COMMAS.encode("utf-16-le")),
    "UTF-16, big end first": ("a.csv", COMMAS.encode("utf-16-be")),
    "UTF-32": ("a.csv", COMMAS.encode("utf-32")),
    "UTF-16 and tabs": ("a.csv", "text\tlabel\r\nHi, Jo\tx\r\nBye\ty\r\n".encode("utf-16")),
    "compressed": ("a.csv.gz", gzip.compress(COMMAS.encode())),
    "compressed lines": ("a.jsonl.gz", gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode())),
    "JSON lines": ("a.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS)),
    "JSON lines, blank ones": ("a.ndjson", "\n".join(json.dumps(row) + "\n" for row in ROWS)),
    "JSON array": ("a.json", json.dumps(ROWS)),
    "JSON array, indented": ("a.json", json.dumps(ROWS, indent=2)),
    "JSON array in a .jsonl": ("a.jsonl", json.dumps(ROWS, indent=2)),
    "JSON objects, indented": ("a.jsonl", "\n".join(json.dumps(row, indent=2) for row in ROWS)),
    "JSON with a byte order mark": ("a.json", json.dumps(ROWS).encode("utf-8-sig")),
}
REFUSED: dict[str, tuple[str, str | bytes, str]] = {
    "unquoted comma": ("a.csv", "text,label\nHi, Jo,x\nBye,y\nOh, no,y\n", r"Line 2 .* 3 cells.* 2 .*line 4.*Quote"),
    "missing cell": ("a.csv", "text,label\nBye,y\nHi\n", "Line 3 .* has 1 cell, but the header has 2"),
    "cell without a column": ("a.csv", "text,label,,\nHi,x,,\nBye,y,,z\n", "Line 3 .* 4 cells.* has 2"),
    "quote never closed": ("a.csv", 'text,label\nHi,x\n"Bye,y\nOh,y\n', "opens on line 3 and is not closed"),
    "quote closed inside": ("a.csv", 'text,label\n"Hi" Jo,x\n', "opens on line 2"),
    "quotes by backslash": ("a.csv", 'text,label\n"Say \\"hi\\", Jo",x\n', "opens on line 2"),
    "two stray quotes": (
        "a.csv",
        'text,label\nOh,y\n"Hi,x\nOh,y\nBye",y\n',
        "opens on line 3, and line 4 .* like a row",
    ),
    "stray quotes in the label": ("a.csv", 'text,label\nOh,y\nHi,"x\nOh,y\nBye,y"\n', "opens on line 3"),
    "column twice": ("a.csv", "text,label,label\nHi,x,y\n", "'label' as columns 2 and 3"),
    "key twice": ("a.jsonl", '{"text": "Hi", "label": "x", "label": "y"}\n', "Line 1 .* 'label' twice"),
    "Windows-1252": ("a.csv", "text,label\nHi,x\nGrüße,y\n".encode("cp1252"), "line 3 .*0xfc.*Windows-1252"),
    "Windows-1251": ("a.csv", "text,label\nHi,x\nПривет,y\n".encode("cp1251"), "line 3 is not UTF-8"),
    "NUL": ("a.csv", "text,label\nHi\0,x\n", "NUL bytes"),
    "workbook": ("a.csv", b"PK\x03\x04" + bytes(range(256)), "workbook"),
    "cut archive": ("a.csv.gz", gzip.compress(COMMAS.encode() * 99)[:40], "cannot be read"),
    "no archive": ("a.csv.gz", COMMAS, "cannot be read"),
    "broken line": ("a.jsonl", '{"text": "Hi"}\n{"text": oops}\n', "line 2: Expecting value"),
    "open object": ("a.jsonl", '{"text": "Hi"}\n{"text": "a",\n', "line 3"),
    "two objects a line": ("a.jsonl", '{"text": "Hi"} {"text": "Jo"}\n', "more than one value"),
    "open array": ("a.json", '[{"text": "Hi"},', "not closed"),
    "more after the array": ("a.json", '[{"text": "Hi"}] x', "after the end"),
    "no object": ("a.json", '[{"text": "Hi"}, 5]', "5 is not a JSON object"),
    "no rows": ("a.json", "[]", "no rows"),
}


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("name", "content"), READABLE.values(), ids=READABLE)
def test_a_file_is_read_as_it_was_meant(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert read_table(written(tmp_path, name, content)) == ROWS


@pytest.mark.parametrize(("name", "content", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_could_be_misread_is_refused(
    tmp_path: Path, name: str, content: str | bytes, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read_table(written(tmp_path, name, content))


def test_wrong_rows_are_counted_and_the_first_five_shown(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,label\n" + "Hi, Jo,x\n" * 9)
    with pytest.raises(InvalidInput, match=r"Line 2 .*\(as do lines 3, 4, 5, 6 and 4 more\)"):
        read_table(path)


def test_a_text_of_several_lines_is_no_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'text,label\n"Hello, World\nregards, Jo",x\nBye,x\n')
    assert [row["text"] for row in read_table(path)] == ["Hello, World\nregards, Jo", "Bye"]


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", f"text,label\n{'a' * 140_000},x\n")
    assert len(read_table(path)[0]["text"]) == 140_000


def test_rows_know_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", '\ntext,label\n"Hi\nJo",x\n\nBye,y\n')
    assert [row.line for row in read_table(path)] == [3, 6]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("commas", ""),
        ("semicolons", "is read with ';' between the cells."),
        ("UTF-16 and tabs", "is read with tabs between the cells and the encoding UTF-16."),
    ],
)
def test_what_was_detected_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, said: str) -> None:
    with caplog.at_level(logging.WARNING):
        read_table(written(tmp_path, *READABLE.get(name, ("a.csv", COMMAS))))
    assert caplog.text.strip().endswith(said)
    assert bool(caplog.text) == bool(said)


def test_columns_of_a_parquet_file_are_distinct(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["x"]), pa.array(["y"])], names=["text", "label", "label"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InvalidInput, match="'label' as columns 2 and 3"):
        read_table(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["Text", " TEXT "])
def test_a_column_may_differ_by_case_and_blanks(tmp_path: Path, name: str) -> None:
    assert read_examples(written(tmp_path, "a.csv", f"{name},label\nHi,x\n"))[0].text == "Hi"


@pytest.mark.parametrize(
    ("header", "sentence"),
    [("Text,TEXT,label", "no column 'text', but .*'Text', 'TEXT'"), ("texts,b,label", "Did you mean 'texts'")],
)
def test_a_column_that_may_be_meant_is_named(tmp_path: Path, header: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read_examples(written(tmp_path, "a.csv", f"{header}\nHi,b,x\n"))


@pytest.mark.parametrize(
    ("value", "label"),
    [("x", "x"), (" x ", "x"), (["x"], "x"), (7, "7"), ("7", "7"), ("re\u0301sume\u0301", "résumé"), ("x\u200b", "x")],
)
def test_a_label_is_what_was_meant(tmp_path: Path, value: Any, label: str) -> None:
    path = written(tmp_path, "a.jsonl", json.dumps({"text": "Hi", "label": value}))
    assert read_examples(path)[0].label == label


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (float("nan"), "no label"),
        (None, "no label"),
        ([], "no label"),
        (1.0, "a number with a decimal point as label: 1.0"),
        (True, "true or false as label: True"),
        ({"choices": ["x"]}, "an object as label"),
        (["x", "y"], "2 labels: x, y"),
        ([["x"]], "a list as label"),
    ],
)
def test_a_label_of_another_type_is_refused(tmp_path: Path, value: Any, sentence: str) -> None:
    good, bad = ({"text": "Hi", "label": label} for label in ("x", value))
    path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, [good, bad, bad])))
    with pytest.raises(InvalidInput, match=rf"Row 2 .*\(line 2\) has {sentence}.*\(as does row 3\)"):
        read_examples(path)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"subject": "Hi"}, "an object as text"),
        (2.5, "decimal point"),
        (True, "true or false"),
    ],
)
def test_a_text_of_another_type_is_refused(tmp_path: Path, value: Any, sentence: str) -> None:
    path = written(tmp_path, "a.jsonl", json.dumps({"text": value, "label": "x"}))
    with pytest.raises(InvalidInput, match=f"Row 1 .* has .*{sentence}"):
        read_examples(path)


def test_faults_of_rows_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,label\n" + "Hi,\n" * 8)
    with pytest.raises(InvalidInput, match=r"Row 1 .*has no label \(as do rows 2, 3, 4, 5 and 3 more\)\. Fill"):
        read_examples(path)
