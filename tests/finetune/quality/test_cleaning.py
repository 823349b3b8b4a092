from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest

from core.errors import NothingLeft, UnusableCopy
from core.tables.reader import read_table
from finetune.quality.cleaning import Removed, log_path, removed_rows, write_cleaned
from finetune.quality.inspection import inspect_quickly
from tests.finetune.quality.planted import read_rows

ROWS = [
    {"id": 1, "text": "Where is my card?", "label": "card", "note": "a, b"},
    {"id": 2, "text": "where is  my card?", "label": "card", "note": 'say "hi"'},
    {"id": 3, "text": "", "label": "card", "note": "ü"},
    {"id": 4, "text": "Where is my refund?", "label": "refund", "note": "line\nbreak"},
    {"id": 5, "text": "Stop it", "label": "card", "note": ""},
    {"id": 6, "text": "stop it", "label": "refund", "note": ""},
    {"id": 7, "text": "Stop it ", "label": "refund", "note": ""},
]


def write_csv(path: Path) -> Path:
    lines = ["id,text,label,note", '1,Where is my card?,card,"a, b"', '2,where is  my card?,card,"say ""hi"""']
    lines += ["3,,card,ü", '4,Where is my refund?,refund,"line\nbreak"', "5,Stop it,card,", "6,stop it,refund,"]
    path.write_text("\n".join([*lines, "7,Stop it ,refund,"]) + "\n", encoding="utf-8")
    return path


def write_jsonl(path: Path) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")
    return path


def write_parquet(path: Path) -> Path:
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize(("ending", "write"), [("csv", write_csv), ("jsonl", write_jsonl), ("parquet", write_parquet)])
def test_copy_has_all_columns_and_lacks_the_logged_rows(
    ending: str, write: Callable[[Path], Path], tmp_path: Path
) -> None:
    source = write(tmp_path / f"rows.{ending}")
    copy = tmp_path / f"clean{source.suffix}"
    rows = read_rows(source)
    write_cleaned(source, copy, removed_rows(rows, inspect_quickly(rows)))
    before, after = read_table(source), read_table(copy)
    assert after == [row for number, row in enumerate(before, 1) if number not in {2, 3}]
    log = [json.loads(line) for line in log_path(copy).read_text().splitlines()]
    assert [(entry["row"], entry["check"]) for entry in log] == [(2, "duplicates"), (3, "empty")]
    assert log[0] == {
        "row": 2,
        "check": "duplicates",
        "text": "where is my card?",
        "label": "card",
        "reason": "the same text as row 1",
    }


def test_copy_keeps_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    source, copy = tmp_path / "rows.csv", tmp_path / "clean.csv"
    source.write_bytes(b"\xef\xbb\xbftext,label\r\na b,x\r\nA B,x\r\nc d,y\r\n")
    rows = read_rows(source)
    write_cleaned(source, copy, removed_rows(rows, inspect_quickly(rows)))
    assert copy.read_bytes() == b"\xef\xbb\xbftext,label\r\na b,x\r\nc d,y\r\n"


def test_conflicting_labels_are_removed_only_on_request_and_a_majority_is_kept(tmp_path: Path) -> None:
    rows = read_rows(write_csv(tmp_path / "rows.csv"))
    findings = inspect_quickly(rows)
    assert not {5, 6, 7} & {entry.row for entry in removed_rows(rows, findings)}
    removed = removed_rows(rows, findings, drop_conflicts=True)
    assert [entry.row for entry in removed if entry.check == "conflicting_labels"] == [5, 7]


def test_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "rows.csv")
    with pytest.raises(UnusableCopy, match="exists already"):
        write_cleaned(source, source, [])


def test_copy_in_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableCopy, match=r"must end in \.csv"):
        write_cleaned(write_csv(tmp_path / "rows.csv"), tmp_path / "clean.jsonl", [])


def test_nothing_is_written_if_no_row_would_be_left(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("text,label\n ,x\n ,y\n")
    rows = read_rows(source)
    with pytest.raises(NothingLeft):
        write_cleaned(source, tmp_path / "clean.csv", removed_rows(rows, inspect_quickly(rows)))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_unicode_line_separator_does_not_end_a_line(tmp_path: Path) -> None:
    texts = ["first\u2028half", "to go", "last"]
    source, copy = tmp_path / "rows.jsonl", tmp_path / "clean.jsonl"
    source.write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8"
    )
    write_cleaned(source, copy, [Removed(2, "empty", "to go", "", "a test")])
    assert [row["text"] for row in read_table(copy)] == ["first\u2028half", "last"]
