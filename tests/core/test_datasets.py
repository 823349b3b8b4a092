from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from core.datasets import (
    Columns,
    Example,
    fingerprint,
    in_order,
    is_held_out,
    keep_dataset,
    kept_dataset,
    read_examples,
)
from core.errors import (
    DatasetNotKept,
    EmptyCell,
    EmptyDataset,
    FileMissing,
    MissingColumn,
    UndecodableFile,
    UnknownFileFormat,
    UnreadableMark,
)


def test_the_three_formats_give_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,label\n"Hi, there",x\nBye,y\n')
    (tmp_path / "a.jsonl").write_text('{"text": "Hi, there", "label": "x"}\n\n{"text": "Bye", "label": "y"}\n')
    parquet.write_table(pa.table({"text": ["Hi, there", "Bye"], "label": ["x", "y"]}), tmp_path / "a.parquet")
    expected = [Example("Hi, there", "x"), Example("Bye", "y")]
    assert [read_examples(tmp_path / f"a.{ending}") for ending in ("csv", "jsonl", "parquet")] == [expected] * 3


def test_columns_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body,intent\nhello,x\n")
    assert read_examples(tmp_path / "a.csv", Columns(text="body", label="intent")) == [Example("hello", "x")]


def test_a_byte_order_mark_is_not_part_of_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbftext,label\nhello,x\n")
    assert read_examples(tmp_path / "a.csv") == [Example("hello", "x")]


def test_missing_column_error_lists_the_columns_and_the_option(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body,label\nhello,x\n")
    with pytest.raises(MissingColumn, match=r"no column 'text'.*body, label.*--text-column"):
        read_examples(tmp_path / "a.csv")


@pytest.mark.parametrize("content", ["", "text,label\n"])
def test_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(EmptyDataset, match="no rows"):
        read_examples(tmp_path / "a.csv")


@pytest.mark.parametrize(("row", "column"), [(" ,x", "text"), ("hello,", "label")])
def test_empty_cell_is_named_by_row_and_column(tmp_path: Path, row: str, column: str) -> None:
    (tmp_path / "a.csv").write_text(f"text,label\nfine,x\n{row}\n")
    with pytest.raises(EmptyCell, match=f"Row 2 of .* has no {column}"):
        read_examples(tmp_path / "a.csv")


def test_labels_may_be_missing_where_they_are_not_needed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nhello\n")
    assert read_examples(tmp_path / "a.csv", labelled=False) == [Example("hello", None)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"text,label\n\xff\xfe,x\n"),
        ("a.csv", b"text,label\n\0,x\n"),
        ("a.jsonl", b'{"text": \n'),
        ("a.jsonl", b"[1]\n"),
        ("a.parquet", b"not parquet at all"),
    ],
)
def test_an_undecodable_file_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UndecodableFile, match="cannot be read"):
        read_examples(tmp_path / name)


def test_wrong_path_and_unknown_ending_are_different_errors(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="No data file"):
        read_examples(tmp_path / "no.csv")
    with pytest.raises(UnknownFileFormat, match=r"'\.xlsx'"):
        read_examples(tmp_path / "a.xlsx")


def test_fingerprint_ignores_order_and_spacing_but_not_labels() -> None:
    rows = [Example("a  B", "x"), Example("c", "y")]
    assert fingerprint(rows) == fingerprint([Example("c", "y"), Example("A b", "x")])
    assert fingerprint(rows) != fingerprint([Example("a b", "y"), Example("c", "y")])


def test_a_stored_data_set_is_found_by_its_fingerprint(tmp_path: Path) -> None:
    rows = [Example("ünï 😀\nline", "x"), Example("no label")]
    assert kept_dataset(keep_dataset(rows, tmp_path), tmp_path) == in_order(rows)


def test_the_error_for_an_unknown_fingerprint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotKept, match="retune finetune"):
        kept_dataset("0" * 64, tmp_path)


def test_the_held_out_share_is_40_percent_and_depends_on_the_text_only() -> None:
    texts = [f"text number {number}" for number in range(2000)]
    share = sum(is_held_out(text) for text in texts) / len(texts)
    assert 0.36 < share < 0.44
    assert all(is_held_out(text) == is_held_out(f"  {text.upper()} ") for text in texts)


def test_several_labels_are_read_from_a_cell_or_from_columns(tmp_path: Path) -> None:
    (tmp_path / "cell.csv").write_text("text,label\nhello,bug; billing\nbye,\n")
    (tmp_path / "columns.csv").write_text("text,billing,bug\nhello,1,1\nbye,0,\n")
    cell = read_examples(tmp_path / "cell.csv", Columns(multi_label=True, separator=";"))
    marked = read_examples(tmp_path / "columns.csv", Columns(multi_label=True, labels=("billing", "bug")))
    assert cell == marked == [Example("hello", "billing|bug"), Example("bye", "")]


def test_a_mark_that_is_neither_1_nor_0_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,bug\nhello,maybe\n")
    with pytest.raises(UnreadableMark, match="Row 1 .* 'maybe'"):
        read_examples(tmp_path / "a.csv", Columns(multi_label=True, labels=("bug",)))


def test_pairs_are_read_and_stored_with_distinct_keys(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,other,label\nhello,there,x\nhello,again,x\n")
    rows = read_examples(tmp_path / "a.csv", Columns(pair="other"))
    assert [row.input for row in rows] == [("hello", "there"), ("hello", "again")]
    assert len({row.key for row in rows}) == 2
    assert kept_dataset(keep_dataset(rows, tmp_path), tmp_path) == in_order(rows)
