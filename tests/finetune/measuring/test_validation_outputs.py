from pathlib import Path

import numpy as np
import pytest

from core.checkpoint import VALIDATION
from core.errors import CorruptCheckpoint
from finetune.measuring.validation_outputs import read_validation, write_validation

LOGITS = np.random.default_rng(0).normal(size=(6, 3))


@pytest.mark.parametrize("truth", [np.array([0, 1, 2, 0, 1, -1]), LOGITS > 0])
def test_outputs_are_read_as_written(truth: np.ndarray, tmp_path: Path) -> None:
    write_validation(tmp_path, LOGITS, truth)
    found = read_validation(tmp_path)
    assert found is not None
    assert found.logits.dtype == np.float32
    assert np.array_equal(found.logits, LOGITS.astype(np.float32))
    assert np.array_equal(found.truth, truth)
    assert found.truth.dtype == (np.int64 if truth.ndim == 1 else np.bool_)


def test_equal_outputs_give_equal_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_validation(tmp_path / name, LOGITS, np.zeros(6))
        contents.append((tmp_path / name / VALIDATION).read_bytes())
    assert contents[0] == contents[1]
    assert b"\x00\x00\x21\x00" in contents[0]  # the date of the entries: 1980, not today


def test_checkpoint_without_outputs_has_none(tmp_path: Path) -> None:
    assert read_validation(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive"])
def test_damaged_outputs_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / VALIDATION).write_bytes(content)
    with pytest.raises(CorruptCheckpoint, match=VALIDATION):
        read_validation(tmp_path)


def test_pickled_outputs_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / VALIDATION, logits=np.array([{}], dtype=object), truth=np.zeros(1))
    with pytest.raises(CorruptCheckpoint, match="allow_pickle"):
        read_validation(tmp_path)


def test_outputs_of_different_lengths_are_refused(tmp_path: Path) -> None:
    write_validation(tmp_path, LOGITS, np.zeros(5))
    with pytest.raises(CorruptCheckpoint, match="do not fit each other"):
        read_validation(tmp_path)
