from __future__ import annotations

import os
from pathlib import Path

from core.dataset_erasure import ErasedRows, erase_rows
from core.datasets import Example, fingerprint, keep_dataset, kept_dataset

BEFORE, MADE, AFTER = 1_000.0, 2_000.0, 3_000.0
ROWS = [Example("cancel my card", "billing"), Example("Private  Words", "bug"), Example("a", "bug", "b")]


def keep(rows: list[Example], folder: Path, *, at: float) -> str:
    name = keep_dataset(rows, folder)
    os.utime(folder / f"{name}.jsonl", (at, at))
    return name


def test_a_text_from_traffic_leaves_every_data_set_kept_since(tmp_path: Path) -> None:
    name, other = keep(ROWS, tmp_path, at=AFTER), keep(ROWS[1:], tmp_path, at=AFTER)
    found = erase_rows({"private words": MADE}, tmp_path)
    assert found.datasets == {name: 1, other: 1}
    assert {row.text for row in kept_dataset(name, tmp_path)} == {"cancel my card", "a"}
    assert not any("rivate" in path.read_text() for path in tmp_path.iterdir())


def test_each_file_goes_on_holding_the_rows_of_its_name(tmp_path: Path) -> None:
    keep(ROWS, tmp_path, at=AFTER)
    erase_rows({"private words": MADE}, tmp_path)
    assert [fingerprint(kept_dataset(path.stem, tmp_path)) for path in tmp_path.glob("*.jsonl")] == [
        path.stem for path in tmp_path.glob("*.jsonl")
    ]


def test_a_text_that_a_file_brought_before_the_prediction_stays_everywhere(tmp_path: Path) -> None:
    original, later = keep(ROWS[:2], tmp_path, at=BEFORE), keep(ROWS, tmp_path, at=AFTER)
    found = erase_rows({"private words": MADE, "a\nb": MADE}, tmp_path)
    assert found == ErasedRows({later: 1}, frozenset({"a\nb"}))
    assert len(kept_dataset(original, tmp_path)) == len(kept_dataset(later, tmp_path)) == 2


def test_one_set_may_lose_rows_again_and_again_until_none_is_left(tmp_path: Path) -> None:
    name = keep(ROWS, tmp_path, at=AFTER)
    for left, row in enumerate(reversed(ROWS)):
        erase_rows({row.key: MADE}, tmp_path)
        assert len(kept_dataset(name, tmp_path)) == 2 - left


def test_rows_kept_again_from_their_own_file_are_there_again(tmp_path: Path) -> None:
    name = keep(ROWS, tmp_path, at=AFTER)
    erase_rows({"private words": MADE}, tmp_path)
    assert keep_dataset(ROWS, tmp_path) == name
    assert len(kept_dataset(name, tmp_path)) == 3


def test_without_data_sets_nothing_is_erased(tmp_path: Path) -> None:
    assert erase_rows({"x": MADE}, tmp_path / "none").datasets == {}
