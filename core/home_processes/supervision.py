"""What `retune up` runs in a home: its processes, how often each was started again, and why; any process can read it.

<home>/up.lock   held as long as `retune up` runs
<home>/up.json   the fields of `Supervision`, replaced atomically at each change, and kept after the end
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.clock import utc_now
from core.durable import write_bytes
from core.errors import HomeSupervised
from core.stored import as_stored, restored

STATE, LOCK = "up.json", "up.lock"
ATTEMPTS, PAUSE_S = 10, 0.05
"""For the lock: a reader holds it for a moment."""


@dataclass(frozen=True)
class SupervisedProcess:
    """`name`: gateway, monitor or worker. `pid` and `started_at`: None while it waits to be started.

    `restarts`: how often it was started again. `ended_at`, `ended`: when and how it last ended without being told to.
    """

    name: str
    pid: int | None = None
    started_at: str | None = None
    restarts: int = 0
    ended_at: str | None = None
    ended: str | None = None


@dataclass(frozen=True)
class Supervision:
    """The supervisor's process, the time of its start, and what it runs."""

    host: str
    pid: int
    since: str
    url: str
    processes: tuple[SupervisedProcess, ...] = ()

    @staticmethod
    def of_this_process(url: str) -> Supervision:
        return Supervision(socket.gethostname(), os.getpid(), utc_now(), url)

    @property
    def is_parent(self) -> bool:
        """Whether the supervisor started this process."""
        return (self.host, self.pid) == (socket.gethostname(), os.getppid())


@contextmanager
def supervising(home: Path, supervision: Supervision) -> Iterator[None]:
    """Hold the home as the one `retune up` of it; raises `HomeSupervised`."""
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / LOCK, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        for attempt in range(ATTEMPTS):
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if attempt == ATTEMPTS - 1:
                raise _held_by(home)
            time.sleep(PAUSE_S)
        publish(home, supervision)
        yield
    finally:
        os.close(lock)


def publish(home: Path, supervision: Supervision) -> None:
    write_bytes(home / STATE, json.dumps(as_stored(supervision)).encode())


def supervision_of(home: Path) -> Supervision | None:
    """What `retune up` runs in a home now; None if none runs."""
    try:
        with (home / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return last_supervision(home)
    except OSError:
        return None
    return None


def last_supervision(home: Path) -> Supervision | None:
    """As the last `retune up` of a home wrote it, whether or not it still runs."""
    try:
        return restored(Supervision, json.loads((home / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _held_by(home: Path) -> HomeSupervised:
    holder = last_supervision(home)
    return HomeSupervised(home, holder.host, holder.pid, holder.since) if holder else HomeSupervised(home)
