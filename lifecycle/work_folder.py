"""The folder in which a job works, and the disk space that is kept for its end; both are gone when it has ended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import JobNotFound
from core.home import Home

JOB, RESERVE = "job-", "reserve-"
RESERVED_BYTES = 2**20


@contextmanager
def work_folder(home: Home, job_id: int) -> Iterator[Path]:
    """A path without content, also if an earlier run of the job was killed; removed at the end, whatever happens."""
    folder = _work(home) / f"{JOB}{job_id}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class ReservedSpace:
    """Space on the disk of the home: a job that failed because the disk is full can still say so in the ledger."""

    def __init__(self, home: Home, job_id: int) -> None:
        self._path = _work(home) / f"{RESERVE}{job_id}"
        with suppress(OSError):  # the disk is full already
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVED_BYTES)

    def release(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def remove_left_folders(home: Home) -> None:
    """Remove what is left of jobs that ended elsewhere: their workers were killed, and nobody took them again."""
    for path in [*_work(home).glob(f"{JOB}*"), *_work(home).glob(f"{RESERVE}*")]:
        number = path.name.rpartition("-")[2]
        if number.isdecimal() and _has_ended(home, int(number)):
            _remove(path)


def _work(home: Home) -> Path:
    return home.folder / "work"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _has_ended(home: Home, job_id: int) -> bool:
    try:
        return not home.jobs.get(job_id).is_unfinished
    except JobNotFound:
        return False
