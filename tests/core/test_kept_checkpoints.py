from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.checkpoint import ENCODER, SAMPLE, digest_of, read_training
from core.durable import sha256_of
from core.errors import CorruptCheckpoint
from core.kept_checkpoints import KeptCheckpoints


@pytest.fixture
def kept(tmp_path: Path) -> KeptCheckpoints:
    return KeptCheckpoints(tmp_path / "checkpoints")


@pytest.fixture
def checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")


def test_a_kept_encoder_outlives_its_checkpoint_and_has_no_texts(kept: KeptCheckpoints, checkpoint: Path) -> None:
    weights, digest = sha256_of(checkpoint / ENCODER), digest_of(read_training(checkpoint))
    assert kept.keep(checkpoint) == kept.keep(checkpoint) == digest
    shutil.rmtree(checkpoint)
    found = kept.find(digest)
    assert found is not None
    assert sha256_of(found.folder / ENCODER) == weights
    assert not (found.folder / SAMPLE).exists()
    assert kept.find("0" * 64) is None


def test_a_damaged_encoder_is_not_found(kept: KeptCheckpoints, checkpoint: Path) -> None:
    digest = kept.keep(checkpoint)
    found = kept.find(digest)
    assert found is not None
    (found.folder / ENCODER).write_bytes(b"other")
    with pytest.raises(CorruptCheckpoint, match=ENCODER):
        kept.find(digest)


def test_a_noted_checkpoint_is_kept_if_it_is_still_there(kept: KeptCheckpoints, checkpoint: Path) -> None:
    digest = digest_of(read_training(checkpoint))
    assert not kept.keep_noted(digest)
    kept.note(checkpoint)
    moved = checkpoint.rename(checkpoint.with_name("moved"))
    assert not kept.keep_noted(digest)
    moved.rename(checkpoint)
    assert kept.keep_noted(digest)
    assert kept.find(digest) is not None


def test_encoders_that_nobody_needs_are_deleted(kept: KeptCheckpoints, checkpoint: Path, tmp_path: Path) -> None:
    digest = kept.keep(checkpoint)
    assert kept.prune({digest}) == []
    assert kept.prune(set()) == [digest]
    assert list((tmp_path / "checkpoints").iterdir()) == []
