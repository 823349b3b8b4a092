import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.durable import new_folder, require_writable, write_bytes
from core.errors import DiskFull, NotWritable, TargetExists


def test_a_file_is_replaced_completely_without_temporary_files(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"one")
    write_bytes(tmp_path / "a", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"two")]


def fail_while_writing(target: Path, error: Exception) -> None:
    with new_folder(target) as folder:
        (folder / "half").write_text("x")
        raise error


def test_a_folder_is_absent_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="midway"):
        fail_while_writing(tmp_path / "out", ValueError("midway"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_one_sentence_and_leaves_no_files(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(DiskFull, match="No space is left to write"):
        fail_while_writing(tmp_path / "out", error)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without the rights of the superuser, who may write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_path_that_cannot_be_written_is_named_and_the_test_leaves_no_files(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with unprivileged(), pytest.raises(NotWritable, match=r"a/out cannot be written: Permission denied\."):
            require_writable(folder / "a" / "out")
        folder.chmod(0o755)
    require_writable(tmp_path / "a" / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    with pytest.raises(TargetExists), new_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "mine").read_text() == "keep"
