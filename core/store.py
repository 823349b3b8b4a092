"""Folders in a file system that fsspec names: a local path, or an object store's URL."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from core.durable import new_folder, write_bytes
from core.errors import TargetExists, UnusableRegistry
from core.package import MANIFEST


class Store:
    """The few operations that the registry needs, each complete or without effect."""

    def __init__(self, url: str, *, cache: Path) -> None:
        """`cache` receives copies of remote folders; a local store does not use it. Raises `UnusableRegistry`."""
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
        """Entries of a folder whose name does not begin with a dot; none if it does not exist.

        Raises what the file system does if it cannot tell: fsspec's own `isdir` and `exists` say False then.
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

    def write(self, path: str, content: bytes) -> None:
        """Replace one small file atomically (object stores do so by themselves)."""
        if self.is_local:
            write_bytes(Path(self._at(path)), content)
        else:
            self._files.pipe_file(self._at(path), content)

    def add_folder(self, source: Path, target: str, *, check: Callable[[Path], object]) -> bool:
        """Copy a flat folder to `target`; False, and no effect, if `target` is there already.

        Locally: written aside, checked, synced, renamed. In an object store: its manifest goes last, and a
        folder without manifest counts as absent. `check` raises if the copy is not what it should be: then
        there is none.
        """
        if self.is_local:
            return _add_local_folder(source, Path(self._at(target)), check)
        if self.exists(f"{target}/{MANIFEST}"):
            return False
        for path in sorted(source.iterdir(), key=lambda path: path.name == MANIFEST):
            self._files.put_file(str(path), self._at(f"{target}/{path.name}"))
        try:
            check(self.local_folder(target))
        except BaseException:
            self.remove(f"{target}/{MANIFEST}")
            self.drop_local_copy(target)
            raise
        return True

    def local_folder(self, folder: str) -> Path:
        """A path where the folder's files can be opened; remote ones are copied to the cache once."""
        if self.is_local:
            return Path(self._at(folder))
        local = self._cache / folder
        if not local.exists():
            with suppress(TargetExists), new_folder(local) as aside:  # another process may fetch it at the same time
                for name in self.names(folder):
                    self._files.get_file(self._at(f"{folder}/{name}"), str(aside / name))
        return local

    def drop_local_copy(self, folder: str) -> None:
        """Drop a remote folder's cached copy, so that the next use fetches it again."""
        if not self.is_local:
            shutil.rmtree(self._cache / folder, ignore_errors=True)

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root


def absolute_url(url: str) -> str:
    """A folder as fsspec understands it, `~` and all; another store's URL as it is.

    >>> absolute_url("s3://bucket/models"), absolute_url("file:///data/models")
    ('s3://bucket/models', '/data/models')
    """
    if fsspec.utils.get_protocol(url) not in ("file", "local"):
        return url
    return str(fsspec.core.url_to_fs(url)[1])


def _add_local_folder(source: Path, target: Path, check: Callable[[Path], object]) -> bool:
    try:
        with new_folder(target) as aside:
            for path in source.iterdir():
                shutil.copyfile(path, aside / path.name)
            check(aside)
    except TargetExists:
        return False
    return True
