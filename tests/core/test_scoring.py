"""Scoring of files in chunks."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from core import scoring as module
from core.datasets import Columns
from core.engine import Engine
from core.errors import ColumnNotInHeader, EmptyDataset, MissingColumn, MixedTypes, ReservedColumns, TargetExists
from core.scoring import LABEL, SCORE, SCORES, ScoredFile, Scoring, score_file
from core.tables.reader import read_table
from tests.tiny import tiny_rows

ROWS = [{"id": number, "text": row.text} for number, row in enumerate(tiny_rows(50))]


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 16)


@pytest.fixture
def engine(tiny_package: Path) -> Engine:
    return Engine(tiny_package, threads=1)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def scored(engine: Engine, source: Path, out: Path, *, resume: bool = False, **options: Any) -> ScoredFile:
    scoring = Scoring(source, out, Columns(), **options)
    return score_file(engine, scoring, threads=2, resume=resume, on_progress=lambda stage, share: None)


@pytest.mark.parametrize("given", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("wanted", ["csv", "jsonl", "parquet"])
def test_every_row_is_answered_in_order_as_the_engine_answers(
    given: str, wanted: str, engine: Engine, tmp_path: Path
) -> None:
    out = tmp_path / f"out.{wanted}"
    result = scored(engine, written(tmp_path / f"in.{given}", ROWS), out)
    rows = read_table(out)
    expected = engine.answer([str(row["text"]) for row in ROWS])
    assert (result.rows, result.errors, result.reused) == (50, 0, 0)
    assert [(int(row["id"]), row["text"]) for row in rows] == [(row["id"], row["text"]) for row in ROWS]
    assert [row[LABEL] for row in rows] == [engine.labels[index] for index in expected.predicted]
    assert [float(row[SCORE]) for row in rows] == pytest.approx(list(expected.confidence), abs=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({f"in.{given}", f"out.{wanted}"})


def test_a_row_without_text_has_an_error_and_the_others_have_answers(engine: Engine, tmp_path: Path) -> None:
    rows = [*ROWS[:20], {"id": 20, "text": " "}, *ROWS[21:]]
    result = scored(engine, written(tmp_path / "in.csv", rows), tmp_path / "out.jsonl")
    answers = read_table(tmp_path / "out.jsonl")
    assert (result.rows, result.errors) == (50, 1)
    assert [(row["error"], row[LABEL]) for row in answers if row["error"]] == [("The text is empty.", None)]
    assert answers[20]["id"] == "20"


def test_a_chunk_without_any_text_has_only_errors(engine: Engine, tmp_path: Path) -> None:
    rows = [{"id": number, "text": ""} for number in range(20)]
    assert scored(engine, written(tmp_path / "in.jsonl", rows), tmp_path / "out.parquet").errors == 20
    assert [row["error"] for row in read_table(tmp_path / "out.parquet")] == ["The text is empty."] * 20


def test_scores_of_the_most_probable_labels_are_json(engine: Engine, tmp_path: Path) -> None:
    scored(engine, written(tmp_path / "in.csv", ROWS), tmp_path / "out.csv", top_k=2)
    row = read_table(tmp_path / "out.csv")[0]
    scores = json.loads(row[SCORES])
    assert list(scores) == sorted(scores, key=lambda name: -scores[name])
    assert (len(scores), next(iter(scores))) == (2, row[LABEL])


def stopped_after(chunks: int, engine: Engine, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt the scoring after this number of chunks."""
    original = module._Chunks.add

    def add(self: Any, rows: Any) -> None:
        if self.count == chunks:
            raise KeyboardInterrupt
        original(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(module._Chunks, "add", add)
        with pytest.raises(KeyboardInterrupt):
            scored(engine, source, out)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_resumed_run_writes_the_same_file(
    ending: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path / "in.csv", ROWS)
    stopped_after(2, engine, source, tmp_path / f"out.{ending}", monkeypatch)
    assert not (tmp_path / f"out.{ending}").exists()
    result = scored(engine, source, tmp_path / f"out.{ending}", resume=True)
    scored(engine, source, tmp_path / f"whole.{ending}")
    assert (result.rows, result.reused) == (50, 32)
    assert (tmp_path / f"out.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()


def test_chunks_of_another_file_are_not_reused(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(tmp_path / "in.csv", ROWS)
    stopped_after(2, engine, source, tmp_path / "out.csv", monkeypatch)
    written(source, [*ROWS, {"id": 50, "text": "one more"}])
    assert scored(engine, source, tmp_path / "out.csv", resume=True).reused == 0


def test_an_existing_output_is_not_overwritten(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(TargetExists):
        scored(engine, written(tmp_path / "in.csv", ROWS), tmp_path / "out.csv")


def test_a_file_that_cannot_be_scored_is_an_error_that_says_what_to_do(engine: Engine, tmp_path: Path) -> None:
    cases: list[tuple[str, list[dict[str, Any]], str, type[Exception], str]] = [
        ("in.csv", [{"body": "a"}], "out.csv", MissingColumn, "--text-column"),
        ("in.csv", [{"text": "a", LABEL: "x"}], "out.csv", ReservedColumns, "Rename"),
        ("in.jsonl", [], "out.csv", EmptyDataset, "no rows"),
        ("in.jsonl", [{"text": "a"}, {"text": "b", "more": 1}], "out.csv", ColumnNotInHeader, "more.*jsonl"),
        ("in.jsonl", [{"text": "a", "n": 1}, {"text": "b", "n": "x"}], "out.parquet", MixedTypes, "'n'.*jsonl"),
    ]
    for name, rows, out, error, words in cases:
        with pytest.raises(error, match=words):
            scored(engine, written(tmp_path / name, rows), tmp_path / out)
        assert not (tmp_path / out).exists()
