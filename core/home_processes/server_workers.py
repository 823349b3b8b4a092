"""Statuses of the server workers (the worker processes of `retune serve`) of one home, which any process can read.

Each server worker writes <home>/workers/<host>-<pid of its server>/<pid>.json and holds the lock <pid>.lock as long as
it runs. The pid alone does not show this: it may be reused, or belong to another container.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.durable import write_bytes
from core.stored import as_stored, restored

ATTEMPTS, PAUSE_S = 10, 0.02


@dataclass(frozen=True)
class ModelStatus:
    """One model in one server worker.

    `version` serves requests; versions in `warm` are also in memory; `failed` could not be loaded because of `error`.
    `since` and `failed_since`: promotion times of `version` and `failed`. `failing`: the pointer still names `failed`.
    """

    version: str | None = None
    since: str | None = None
    error: str | None = None
    failed: str | None = None
    failed_since: str | None = None
    failing: bool = False
    warm: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServerWorkerStatus:
    """One server worker. `draining`: it will end soon."""

    server: str
    pid: int
    draining: bool
    models: dict[str, ModelStatus]


class ServerWorkers:
    """Publishes the status of this server worker, and reads the statuses of all workers of the same server process."""

    def __init__(self, home: Path) -> None:
        self._server = f"{socket.gethostname()}-{os.getppid()}"
        self._folder = _folder(home) / self._server
        self._lock: int | None = None
        self.is_published = False

    def publish(self, models: Mapping[str, ModelStatus], *, draining: bool = False) -> None:
        if self._lock is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = _held(self._own(".lock"))
        content = {"draining": draining, "models": as_stored(dict(models))}
        write_bytes(self._own(".json"), json.dumps(content).encode())
        self.is_published = True

    def remove(self) -> None:
        if self._lock is not None:
            with suppress(OSError):  # the disk is read-only, or files of other workers are still in the folder
                self._own(".json").unlink(missing_ok=True)
                self._own(".lock").unlink(missing_ok=True)
                self._folder.rmdir()
            os.close(self._lock)
            self._lock = None

    def living(self) -> list[ServerWorkerStatus]:
        """The running workers of this server by pid."""
        return _workers_in(self._folder)

    def _own(self, ending: str) -> Path:
        return self._folder / f"{os.getpid()}{ending}"


def living_server_workers(home: Path) -> list[ServerWorkerStatus]:
    """The running workers of all servers of a home; deletes the files of workers that ended."""
    return [worker for folder in sorted(_folder(home).glob("*-*")) for worker in _workers_in(folder)]


def _folder(home: Path) -> Path:
    return home.absolute() / "workers"


def _workers_in(folder: Path) -> list[ServerWorkerStatus]:
    found = []
    for path in sorted(folder.glob("[0-9]*.json"), key=lambda path: int(path.stem)):
        if _removed_if_ended(path):
            continue
        with suppress(FileNotFoundError):  # the worker has just ended
            found.append(_read(path))
    return found


def _read(path: Path) -> ServerWorkerStatus:
    content = json.loads(path.read_text(encoding="utf-8"))
    models = {name: restored(ModelStatus, status) for name, status in content["models"].items()}
    return ServerWorkerStatus(path.parent.name, int(path.stem), content["draining"], models)


def _held(path: Path) -> int:
    """Lock the file and return its descriptor. Tries again if another process tests the lock or deletes the file."""
    for _ in range(ATTEMPTS):
        lock = os.open(path, os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_ino == path.stat().st_ino:
                break
        except (BlockingIOError, FileNotFoundError):
            time.sleep(PAUSE_S)
        os.close(lock)
    else:  # this process already holds the lock
        lock = os.open(path, os.O_CREAT | os.O_RDWR)
    return lock


def _removed_if_ended(entry: Path) -> bool:
    """Whether no process holds the lock of a status file; if so, deletes the status file and the lock file."""
    path = entry.with_suffix(".lock")
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path, entry)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        _remove(entry)
    return True


def _remove(*paths: Path) -> None:
    with suppress(OSError):  # the disk is read-only
        for path in paths:
            path.unlink(missing_ok=True)
