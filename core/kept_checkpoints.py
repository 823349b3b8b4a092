"""The encoders of the versions' checkpoints, which a training may go on from; kept under the home, without any text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.checkpoint import CARD, HEAD, SAMPLE, TRAINING, VALIDATION, Training, digest_of, read_training
from core.durable import new_folder, write_bytes
from core.errors import CorruptCheckpoint, RetuneError, TargetExists

NOT_KEPT = frozenset({CARD, HEAD, SAMPLE, VALIDATION})
"""The sample has texts of people; the others say nothing that a package does not say."""

_PLACE = ".place"


@dataclass(frozen=True)
class KeptCheckpoint:
    """A folder with encoder, tokenizer and `training.json` of a checkpoint."""

    folder: Path
    training: Training


class KeptCheckpoints:
    """Each encoder is in a folder named by the digest of its checkpoint, which a package's lineage has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, checkpoint: Path) -> str:
        """Keep the encoder of a checkpoint; return the digest. Files are linked, and copied from another file system.

        Raises as `read_training`.
        """
        training = read_training(checkpoint)
        names = [name for name in training.files if name not in NOT_KEPT]
        digest = digest_of(training)
        if not (self._folder / digest).exists():
            with suppress(TargetExists), new_folder(self._folder / digest) as folder:
                for name in (*names, TRAINING):
                    _link(checkpoint / name, folder / name)
        return digest

    def note(self, checkpoint: Path) -> None:
        """Note where an exported checkpoint lies, so that `keep_noted` finds it when its package is registered."""
        place = self._folder / f"{digest_of(read_training(checkpoint))}{_PLACE}"
        write_bytes(place, str(checkpoint.absolute()).encode())

    def keep_noted(self, digest: str) -> bool:
        """Keep the checkpoint of this digest if it is still where it was noted; returns whether it is kept."""
        with suppress(OSError, RetuneError):
            checkpoint = Path((self._folder / f"{digest}{_PLACE}").read_text(encoding="utf-8"))
            if digest_of(read_training(checkpoint)) == digest:
                self.keep(checkpoint)
        return (self._folder / digest).is_dir()

    def find(self, digest: str) -> KeptCheckpoint | None:
        """None if it is not kept. Raises `CorruptCheckpoint` if it is damaged."""
        folder = self._folder / digest
        if not folder.is_dir():
            return None
        training = read_training(folder, missing=NOT_KEPT)
        if digest_of(training) != digest:
            raise CorruptCheckpoint(folder, f"{TRAINING} differs from its digest")
        return KeptCheckpoint(folder, training)

    def prune(self, needed: Collection[str]) -> list[str]:
        """Delete the encoders of all other digests; returns these digests."""
        kept = sorted(path.name for path in self._folder.glob("*") if path.is_dir() and path.name[0] != ".")
        dropped = [name for name in kept if name not in needed]
        for name in dropped:
            shutil.rmtree(self._folder / name)
            (self._folder / f"{name}{_PLACE}").unlink(missing_ok=True)
        return dropped


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
