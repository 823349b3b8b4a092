from __future__ import annotations

from pathlib import Path

from core.datasets import Example
from finetune.encoders.encoder import load_tokenizer
from finetune.quality.inspection import inspect_quickly
from tests.finetune.quality.planted import read_rows, write_rows


def test_texts_without_a_known_token_are_found(tiny_base_model: Path) -> None:
    rows = [Example("please change my card", "a"), Example("σήμερα", "a"), Example("☃ ☃", "b"), Example("☃ card", "b")]
    tokenizer = load_tokenizer("tiny", tiny_base_model, 16)
    found = [item for item in inspect_quickly(rows, tokenizer=tokenizer) if item.check == "all_unknown"]
    assert [item.rows for item in found] == [(2, 3)]
    assert "2 texts" in found[0].sentence


def over_length(base_model: Path, file: Path) -> list[tuple[int, ...]]:
    tokenizer = load_tokenizer("tiny", base_model, 16)
    return [item.rows for item in inspect_quickly(read_rows(file), tokenizer=tokenizer) if item.check == "over_length"]


def test_truncated_texts_are_found_with_the_longest_first(tiny_base_model: Path, tmp_path: Path) -> None:
    rows = [("please change my card", "a"), ("card " * 15, "a"), ("card " * 14, "a"), ("card " * 40, "b")]
    assert over_length(tiny_base_model, write_rows(tmp_path / "rows.csv", rows)) == [(4, 2)]


def test_texts_within_the_maximum_length_are_not_found(tiny_base_model: Path, tmp_path: Path) -> None:
    rows = [("please change my card", "a"), ("card " * 14, "b")]
    assert over_length(tiny_base_model, write_rows(tmp_path / "rows.csv", rows)) == []


def test_one_chinese_character_is_not_too_short() -> None:
    found = [item for item in inspect_quickly([Example("是", "x"), Example("是!", "y")]) if item.check == "too_short"]
    assert found == []
