"""Files and folders that are complete or absent: written aside, synced, then renamed."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from core.errors import DiskFull, NotWritable, TargetExists


@contextmanager
def detect_disk_full(path: object) -> Iterator[None]:
    """Turn 'no space left', whichever library says it, into `DiskFull`."""
    try:
        yield
    except Exception as error:
        if _is_disk_full(error):
            raise DiskFull(path) from error
        raise


def _is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # safetensors, onnx and SQLite raise their own classes with the system's words.
    return "No space left on device" in str(error)


def write_bytes(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Replace the file in one step, so readers get the old content or the new; `mode` is set before the content."""
    with new_file(path) as aside:
        aside.touch(mode=mode)
        aside.write_bytes(content)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A path to write beside `path`; what is there becomes `path` when the block ends well, else it is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with detect_disk_full(path):
            yield aside
            with aside.open("rb") as file:
                os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def file_lock(path: Path, *, mode: int = 0o666) -> Iterator[None]:
    """Wait until no other process holds the lock, then hold it; the system releases it when a process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, mode), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable, as fsync does for a file's bytes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def require_free(target: Path) -> None:
    """Raises `TargetExists` when `target` is a file or a folder with content."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TargetExists(target)


def require_writable(target: Path) -> None:
    """As `require_free`, and raises `NotWritable` where nothing can be made beside it: before the work, not after."""
    require_free(target)
    above = next(path for path in target.absolute().parents if path.exists())
    try:
        os.rmdir(tempfile.mkdtemp(prefix=f".{target.name}.", dir=above))
    except OSError as error:
        raise NotWritable(target, error.strerror or str(error)) from error


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill beside `target`; it becomes `target` when the block ends well, else it is gone.

    Raises `TargetExists` before anything is written when `target` has content, and at the end when another writer
    was faster.
    """
    require_free(target)
    _make_folder(target.parent)
    aside = target.with_name(f".{target.name}.{uuid4().hex}")
    aside.mkdir()
    try:
        with detect_disk_full(target):
            yield aside
            sync_tree(aside)
            _rename(aside, target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _make_folder(folder: Path) -> None:
    """With the folders above it; what is new is durable."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def _rename(aside: Path, target: Path) -> None:
    try:
        aside.replace(target)
    except OSError as error:  # a folder with content is not replaced: two writers, one wins
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise TargetExists(target) from error
        raise


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
