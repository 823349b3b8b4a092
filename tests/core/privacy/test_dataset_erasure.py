from __future__ import annotations

import os
from pathlib import Path

from core.datasets import Example, fingerprint, keep_dataset, kept_dataset
from core.privacy.dataset_erasure import ErasedRows, erase_rows

BEFORE, PREDICTED, AFTER = 1_000.0, 2_000.0, 3_000.0
ROWS = [Example("cancel my card", "billing"), Example("Private  Words", "bug"), Example("a", "bug", "b")]


def keep(rows: list[Example], folder: Path, *, at: float) -> str:
    name = keep_dataset(rows, folder)
    os.utime(folder / f"{name}.jsonl", (at, at))
    return name


def test_a_text_from_traffic_is_erased_from_every_later_data_set(tmp_path: Path) -> None:
    name, other = keep(ROWS, tmp_path, at=AFTER), keep(ROWS[1:], tmp_path, at=AFTER)
    found = erase_rows({"private words": PREDICTED}, tmp_path)
    assert found.datasets == {name: 1, other: 1}
    assert {row.text for row in kept_dataset(name, tmp_path)} == {"cancel my card", "a"}
    assert not any("rivate" in path.read_text() for path in tmp_path.iterdir())


def test_the_name_of_each_file_stays_the_fingerprint_of_its_rows(tmp_path: Path) -> None:
    keep(ROWS, tmp_path, at=AFTER)
    erase_rows({"private words": PREDICTED}, tmp_path)
    assert [fingerprint(kept_dataset(path.stem, tmp_path)) for path in tmp_path.glob("*.jsonl")] == [
        path.stem for path in tmp_path.glob("*.jsonl")
    ]


def test_a_text_in_an_older_data_set_is_not_erased(tmp_path: Path) -> None:
    original, later = keep(ROWS[:2], tmp_path, at=BEFORE), keep(ROWS, tmp_path, at=AFTER)
    found = erase_rows({"private words": PREDICTED, "a\nb": PREDICTED}, tmp_path)
    assert found == ErasedRows({later: 1}, frozenset({"a\nb"}))
    assert len(kept_dataset(original, tmp_path)) == len(kept_dataset(later, tmp_path)) == 2


def test_rows_can_be_erased_repeatedly_until_none_is_left(tmp_path: Path) -> None:
    name = keep(ROWS, tmp_path, at=AFTER)
    for left, row in enumerate(reversed(ROWS)):
        erase_rows({row.key: PREDICTED}, tmp_path)
        assert len(kept_dataset(name, tmp_path)) == 2 - left


def test_erased_rows_can_be_stored_again(tmp_path: Path) -> None:
    name = keep(ROWS, tmp_path, at=AFTER)
    erase_rows({"private words": PREDICTED}, tmp_path)
    assert keep_dataset(ROWS, tmp_path) == name
    assert len(kept_dataset(name, tmp_path)) == 3


def test_without_data_sets_nothing_is_erased(tmp_path: Path) -> None:
    assert erase_rows({"x": PREDICTED}, tmp_path / "none").datasets == {}
