from __future__ import annotations

import errno
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core import embedding_file
from core.arrays import Floats
from core.datasets import Text
from core.embedding_cache import EmbeddingCache, erase_embeddings


class Computer:
    """Embeds a text as its length and records the texts."""

    def __init__(self) -> None:
        self.texts: list[Text] = []

    def __call__(self, texts: list[Text]) -> Floats:
        self.texts.extend(texts)
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def cache(folder: Path, encoder: str = "a") -> EmbeddingCache:
    return EmbeddingCache(folder, encoder=encoder)


def computed(folder: Path, texts: Sequence[Text], encoder: str = "a") -> list[Text]:
    """The texts that are not cached; afterwards they are."""
    computer = Computer()
    cache(folder, encoder).embeddings(texts, computer)
    return computer.texts


def only_file(folder: Path) -> Path:
    (file,) = folder.glob("*.embeddings")
    return file


def test_only_new_texts_are_computed(tmp_path: Path) -> None:
    computed(tmp_path, ["a", "bb"])
    assert cache(tmp_path).unknown(["ccc", "bb", "ccc"]) == ["ccc"]
    again = Computer()
    found = cache(tmp_path).embeddings(["ccc", "bb", "a", "bb"], again)
    assert again.texts == ["ccc"]
    assert found.tolist() == [[3, 1], [2, 1], [1, 1], [2, 1]]
    assert computed(tmp_path, ["ccc", "a"]) == []


def test_texts_that_differ_in_case_have_embeddings_of_their_own(tmp_path: Path) -> None:
    assert computed(tmp_path, ["a", "A", ("a", "b")]) == ["a", "A", ("a", "b")]


def test_another_encoder_has_another_cache(tmp_path: Path) -> None:
    computed(tmp_path, ["a"])
    assert computed(tmp_path, ["a"], "b") == ["a"]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 damaged", b"retune embeddings 1 2\n", b"retune embeddings 1 x\n"]
)
def test_a_file_that_cannot_be_read_is_replaced(tmp_path: Path, content: bytes) -> None:
    computed(tmp_path, ["a"])
    only_file(tmp_path).write_bytes(content)
    assert computed(tmp_path, ["a"]) == ["a"]
    assert computed(tmp_path, ["a"]) == []


def test_a_damaged_record_is_computed_again(tmp_path: Path) -> None:
    computed(tmp_path, ["a", "bb", "ccc"])
    content = bytearray(only_file(tmp_path).read_bytes())
    content[-6] ^= 1  # in the last vector
    only_file(tmp_path).write_bytes(content)
    assert computed(tmp_path, ["a", "bb", "ccc"]) == ["ccc"]
    assert computed(tmp_path, ["a", "bb", "ccc"]) == []


def test_an_append_that_was_cut_off_is_overwritten(tmp_path: Path) -> None:
    computed(tmp_path, ["a", "bb"])
    file = only_file(tmp_path)
    os.truncate(file, file.stat().st_size - 5)
    assert computed(tmp_path, ["a", "bb"]) == ["bb"]
    assert computed(tmp_path, ["a", "bb"]) == []


def test_the_oldest_rows_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_file, "MAX_ROWS", 4)
    for start in range(0, 10, 2):
        computed(tmp_path, [f"text {start}", f"text {start + 1}"])
    assert computed(tmp_path, ["text 8", "text 9"]) == []
    assert computed(tmp_path, ["text 0"]) == ["text 0"]
    assert only_file(tmp_path).stat().st_size < 1000


def test_the_file_that_was_not_used_for_the_longest_time_makes_room(tmp_path: Path) -> None:
    for age, encoder in enumerate("abcdef"):
        computed(tmp_path, ["text"], encoder)
        os.utime(tmp_path / f"{encoder}.embeddings", (0, 100 + age))
    computed(tmp_path, ["text"], "a")  # is used again
    computed(tmp_path, ["text"], "g")
    assert {path.stem for path in tmp_path.glob("*.embeddings")} == set("acdefg")


def test_without_disk_space_nothing_is_cached_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cache(tmp_path).embeddings(["a"], Computer()).tolist() == [[1, 1]]
    assert "not cached" in caplog.text
    assert list(tmp_path.glob("*.embeddings")) == []


def test_a_text_is_erased_whatever_its_case_and_blanks_in_all_caches(tmp_path: Path) -> None:
    for encoder in "ab":
        computed(tmp_path, ["Secret  words", "secret words", "others", "more"], encoder)
    assert erase_embeddings(tmp_path, ["SECRET WORDS", "unknown"]) == 4
    for encoder in "ab":
        assert computed(tmp_path, ["others", "secret words", "more"], encoder) == ["secret words"]


def test_erasing_the_last_text_removes_the_file(tmp_path: Path) -> None:
    computed(tmp_path, [("a", "B")])
    assert erase_embeddings(tmp_path, [("A", "b")]) == 1
    assert list(tmp_path.glob("*.embeddings")) == []
    assert erase_embeddings(tmp_path / "none", ["a"]) == 0


def test_erasing_without_disk_space_removes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    computed(tmp_path, ["a", "bb"])
    monkeypatch.setattr(os, "fsync", full)
    assert erase_embeddings(tmp_path, ["a"]) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / ".lock"]


def test_files_that_cannot_be_read_and_those_of_earlier_releases_are_erased(tmp_path: Path) -> None:
    computed(tmp_path, ["a"])
    only_file(tmp_path).write_bytes(b"damaged")
    (tmp_path / "old-128.npz").write_bytes(b"PK")
    erase_embeddings(tmp_path, [])
    assert list(tmp_path.iterdir()) == [tmp_path / ".lock"]


def test_rows_that_were_cached_too_long_ago_are_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.embedding_cache.time.time", lambda: 0.0)
    computed(tmp_path, ["old"])
    monkeypatch.setattr("core.embedding_cache.time.time", lambda: 31 * 86_400.0)
    computed(tmp_path, ["new"])
    assert erase_embeddings(tmp_path, [], keep_days=31) == 0
    assert erase_embeddings(tmp_path, [], keep_days=30) == 1
    assert computed(tmp_path, ["old", "new"]) == ["old"]


def _fill(folder: Path, name: str) -> None:
    for number in range(40):
        computed(folder, [f"{name} {number}", f"shared {number}"])


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("spawn")
    processes = [fork.Process(target=_fill, args=(tmp_path, name)) for name in ("one", "two")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    texts = [f"{name} {number}" for name in ("one", "two", "shared") for number in range(40)]
    assert computed(tmp_path, texts) == []
