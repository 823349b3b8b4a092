from pathlib import Path

import numpy as np
import pytest

from core.arrays import Numbers
from core.datasets import Text
from finetune.encoders.embedding_cache import EmbeddingCache


class Computer:
    """Embeds a text as its length and records the texts."""

    def __init__(self) -> None:
        self.texts: list[Text] = []

    def __call__(self, texts: list[Text]) -> Numbers:
        self.texts.extend(texts)
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def cache(folder: Path) -> EmbeddingCache:
    return EmbeddingCache(folder, fingerprint="f" * 64, max_length=16)


def test_only_new_texts_are_computed(tmp_path: Path) -> None:
    cache(tmp_path).embeddings(["a", "bb"], Computer())
    again = Computer()
    found = cache(tmp_path).embeddings(["ccc", "bb", "a", "bb"], again)
    assert again.texts == ["ccc"]
    assert found[:, 0].tolist() == [3, 2, 1, 2]


def test_another_maximum_length_has_another_cache(tmp_path: Path) -> None:
    cache(tmp_path).embeddings(["a"], Computer())
    computer = Computer()
    EmbeddingCache(tmp_path, fingerprint="f" * 64, max_length=32).embeddings(["a"], computer)
    assert computer.texts == ["a"]


def test_a_damaged_file_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache(tmp_path).embeddings(["a"], Computer())
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"PK\x03\x04 damaged")
    assert cache(tmp_path).embeddings(["a"], Computer()).tolist() == [[1, 1]]
    assert "is replaced" in caplog.text
