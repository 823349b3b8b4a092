"""The folder in which a job works; it is gone when the job has ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import JobNotFound
from core.home import Home

PREFIX = "job-"


@contextmanager
def work_folder(home: Home, job_id: int) -> Iterator[Path]:
    """A path without content, also if an earlier run of the job was killed; removed at the end, whatever happens."""
    folder = home.folder / "work" / f"{PREFIX}{job_id}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_left_folders(home: Home) -> None:
    """Remove the folders of jobs that ended elsewhere: their workers were killed, and no other one took them again."""
    for folder in (home.folder / "work").glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX)
        if number.isdecimal() and _has_ended(home, int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _has_ended(home: Home, job_id: int) -> bool:
    try:
        return not home.jobs.get(job_id).is_unfinished
    except JobNotFound:
        return False
