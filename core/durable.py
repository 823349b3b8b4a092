"""Atomic writes of files and folders: write under a temporary name, fsync, then rename."""

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

DISK_FULL_SIGNS = (
    "No space left on device",  # safetensors and onnx: errors of their own with the message of the operating system
    "disk is full",  # SQLite
    "] . unexpected pos ",  # torch.save, of which the message of the operating system is lost
)


@contextmanager
def detect_disk_full(path: object) -> Iterator[None]:
    """Raise `DiskFull` for an error of any library that means "no space left"."""
    try:
        yield
    except Exception as error:
        if is_disk_full(error):
            raise DiskFull(path) from error
        raise


def is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(sign in str(error) for sign in DISK_FULL_SIGNS)


def write_bytes(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Replace the file atomically: readers get the old or the new content. `mode` is set before the content."""
    with new_file(path) as temporary:
        temporary.touch(mode=mode)
        temporary.write_bytes(content)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`. It replaces `path` when the block ends without an error, else it is deleted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with detect_disk_full(path):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def file_lock(path: Path, *, mode: int = 0o666) -> Iterator[None]:
    """Wait until no other process holds the lock, then hold it; the system releases it when a process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, mode), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """fsync the folder, which makes new, renamed and deleted entries durable."""
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
    """Raises `TargetExists` if `target` is a file or a folder with content."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TargetExists(target)


def require_writable(target: Path) -> None:
    """As `require_free`; also raises `NotWritable`, so that a long run fails before it starts and not at its end."""
    require_free(target)
    parent = next(path for path in target.absolute().parents if path.exists())
    try:
        os.rmdir(tempfile.mkdtemp(prefix=f".{target.name}.", dir=parent))
    except OSError as error:
        raise NotWritable(target, error.strerror or str(error)) from error


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`. It becomes `target` when the block ends without an error, else it is deleted.

    Raises `TargetExists` at the start if `target` has content, or at the end if another writer was faster.
    """
    require_free(target)
    _make_folder(target.parent)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    temporary.mkdir()
    try:
        with detect_disk_full(target):
            yield temporary
            sync_tree(temporary)
            _rename(temporary, target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make_folder(folder: Path) -> None:
    """Make the folder and its parents, and fsync the parents of new ones."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.replace(target)
    except OSError as error:  # the system does not replace a folder with content: another writer was faster
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise TargetExists(target) from error
        raise


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
