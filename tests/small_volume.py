"""A small volume that a test may fill."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_volume(folder: Path, *, size: str) -> Iterator[Path]:
    """A file system in memory, mounted at the new folder; skips the test where mounting is not allowed."""
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]).returncode:
        pytest.skip("mounting is not allowed")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(volume: Path) -> None:
    """To the last byte."""
    with (volume / "filler").open("ab", buffering=0) as file, suppress(OSError):
        for size in (2**16, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
