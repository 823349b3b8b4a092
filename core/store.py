"""Folders in a file system of fsspec: a local path, or the URL of an object store."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from core.durable import new_folder, sync_folder, write_bytes
from core.errors import RegistryNotWritable, TargetExists, UnusableRegistry
from core.package import MANIFEST

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
DELETED = ".deleted"
"""Ends the names of folders that are being deleted; they begin with a dot, so that `names` leaves them out."""


class Store:
    """The file operations of the registry; each operation is atomic."""

    def __init__(self, url: str, *, cache: Path) -> None:
        """`cache`: folder for copies of remote folders, unused by a local store. Raises `UnusableRegistry`."""
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UnusableRegistry(url, str(error)) from error
        self._cache = cache

    @property
    def root(self) -> str:
        return str(self._root)

    @property
    def is_local(self) -> bool:
        return isinstance(self._files, LocalFileSystem)

    def names(self, folder: str) -> list[str]:
        """Sorted names in a folder that do not begin with a dot; none if the folder does not exist.

        Raises the file system's error if listing fails; fsspec's `isdir` and `exists` would return False instead.
        """
        try:
            entries = self._files.ls(self._at(folder), detail=False, refresh=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(
            name for name in (str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in entries) if name[0] != "."
        )

    def exists(self, path: str) -> bool:
        """Raises as `names`."""
        try:
            self._files.info(self._at(path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def read(self, path: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(self._at(path))
        except FileNotFoundError:
            return None
        return content

    def remove(self, path: str) -> None:
        self._files.rm_file(self._at(path))

    def remove_folder(self, folder: str) -> None:
        """Delete a folder with all that is in it: it is absent at once, also if the deletion is interrupted.

        What an interrupted one left of its neighbours is deleted, too.
        """
        if self.is_local:
            _remove_local_folder(Path(self._at(folder)))
            return
        paths = self._files.find(self._at(folder))
        for path in sorted(paths, key=lambda path: not str(path).endswith(f"/{MANIFEST}")):
            self._files.rm_file(path)
        self.drop_local_copy(folder)

    def size_bytes(self, folder: str) -> int:
        """Of all files in a folder; 0 if it does not exist."""
        found = self._files.find(self._at(folder), detail=True)
        return sum(int(facts.get("size") or 0) for facts in found.values())

    def write(self, path: str, content: bytes) -> None:
        """Replace one small file atomically (object stores always do). Raises `DiskFull` or `RegistryNotWritable`."""
        if self.is_local:
            _write_local(Path(self._at(path)), content)
        else:
            self._files.pipe_file(self._at(path), content)

    def add_folder(self, source: Path, target: str, *, verify: Callable[[Path], object]) -> bool:
        """Copy a folder without sub-folders to `target`; return False, without effect, if `target` exists.

        `verify` is called with the copy; if it raises, the copy is deleted. A local copy is renamed to `target` when it
        is complete. In an object store the manifest is written last, and a folder without manifest counts as absent.
        """
        if self.is_local:
            return _add_local_folder(source, Path(self._at(target)), verify)
        if self.exists(f"{target}/{MANIFEST}"):
            return False
        for path in sorted(source.iterdir(), key=lambda path: path.name == MANIFEST):
            self._files.put_file(str(path), self._at(f"{target}/{path.name}"))
        try:
            verify(self.local_folder(target))
        except BaseException:
            self.remove(f"{target}/{MANIFEST}")
            self.drop_local_copy(target)
            raise
        return True

    def local_folder(self, folder: str) -> Path:
        """A local path of the folder; a remote folder is copied to the cache once."""
        if self.is_local:
            return Path(self._at(folder))
        local = self._cache / folder
        if not local.exists():
            with suppress(TargetExists), new_folder(local) as copy:  # another process may copy it at the same time
                for name in self.names(folder):
                    self._files.get_file(self._at(f"{folder}/{name}"), str(copy / name))
        return local

    def drop_local_copy(self, folder: str) -> None:
        """Delete the cached copy of a remote folder, so that the next use copies it again."""
        if not self.is_local:
            shutil.rmtree(self._cache / folder, ignore_errors=True)

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root


def absolute_url(url: str) -> str:
    """The absolute path of a local folder, with `~` expanded; the URL of another store unchanged.

    >>> absolute_url("s3://bucket/models"), absolute_url("file:///data/models")
    ('s3://bucket/models', '/data/models')
    """
    if fsspec.utils.get_protocol(url) not in ("file", "local"):
        return url
    return str(fsspec.core.url_to_fs(url)[1])


def _remove_local_folder(folder: Path) -> None:
    aside = folder.with_name(f".{folder.name}.{uuid4().hex}{DELETED}")
    with suppress(FileNotFoundError):
        folder.rename(aside)
        sync_folder(folder.parent)
    for left in folder.parent.glob(f".*{DELETED}"):
        shutil.rmtree(left, ignore_errors=True)


def _write_local(path: Path, content: bytes) -> None:
    try:
        write_bytes(path, content)
    except OSError as error:
        if error.errno in READ_ONLY:
            raise RegistryNotWritable(path, error.strerror or str(error)) from error
        raise


def _add_local_folder(source: Path, target: Path, verify: Callable[[Path], object]) -> bool:
    try:
        with new_folder(target) as temporary:
            for path in source.iterdir():
                shutil.copyfile(path, temporary / path.name)
            verify(temporary)
    except TargetExists:
        return False
    return True
