"""Owners of jobs: processes, named so that others can tell whether they have ended."""

from __future__ import annotations

import os
import socket

from core.processes.stat import stat_of


def this_worker() -> str:
    """Id of this process as an owner of jobs: host, pid, and start time because pids are reused."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def has_ended(owner: str) -> bool:
    """Whether the owner was a process of this host and ended; False for a process of another host."""
    host, pid, started = owner.rsplit("/", 2)
    return host == socket.gethostname() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty if it has ended."""
    fields = stat_of(pid)
    return "" if fields is None or fields[0] in "ZX" else fields[19]
