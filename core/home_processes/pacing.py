"""Runs this process in the time that the servers of its home leave.

A low priority does not keep a training from slowing answers: both share caches, memory and often the units of a core.
So the process is stopped and continued fifty times a second, by a parent that does nothing else.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.config import Config
from core.cpu import available_cpus
from core.home_processes.server_workers import living_server_workers
from core.home_processes.threads import worker_threads
from core.processes.parent import end_if_orphan, end_with_parent
from core.processes.stat import stat_of

NICENESS = 10
PERIOD_S = 0.02
LOOK_S = 0.2
"""How often the servers' use of the cores is measured."""
FULL = 0.5
"""Share of the cores that the servers and this process take together."""
IDLE = 0.02
"""Share of the cores that servers without requests take at most."""
LEAST = 0.1
"""Share of the time in which this process runs beside the busiest server: a job shall end."""


def share_of_time(busy: float, *, cores: int, threads: int) -> float:
    """The share of the time in which a process of so many threads may run beside servers that keep `busy` cores busy.

    >>> share_of_time(0.0, cores=2, threads=1), share_of_time(2.0, cores=2, threads=1)
    (1.0, 0.1)
    """
    if busy < IDLE * cores:
        return 1.0
    return min(1.0, max(LEAST, (FULL * cores - busy) / threads))


@dataclass
class BusyCores:
    """Measures how many cores the servers of a home on this host keep busy, in the mean since the last call."""

    home: Path
    _seen: dict[int, float] = field(default_factory=dict)
    _at_s: float = field(default_factory=time.monotonic)

    def __call__(self) -> float:
        before, before_s = self._seen, self._at_s
        self._seen, self._at_s = dict(self._times()), time.monotonic()
        used_s = sum(now_s - before[pid] for pid, now_s in self._seen.items() if pid in before)
        return used_s / max(self._at_s - before_s, 1e-3)

    def _times(self) -> Iterator[tuple[int, float]]:
        host = socket.gethostname()
        for worker in living_server_workers(self.home):
            if worker.server.rpartition("-")[0] == host and (spent_s := _processor_s(worker.pid)) is not None:
                yield worker.pid, spent_s


def run_paced(config: Config) -> None:
    """Return in a child of this process; this one paces the child until it ends, and exits as it did.

    Does nothing where processes cannot be measured. To be called before any thread is started.
    """
    if _processor_s(os.getpid()) is None:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    parent, child = os.getpid(), os.fork()
    if child:
        os._exit(_paced(child, config))
    os.setpgid(0, 0)  # Ctrl-C reaches it once: from its parent
    end_with_parent(signal.SIGKILL)  # one that is stopped takes no other signal
    end_if_orphan(parent)


def _paced(child: int, config: Config) -> int:
    """Pace the child until it ends; returns its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))
    _lower_session()
    cores, busy = available_cpus(), BusyCores(config.home)
    share, look_s = 1.0, time.monotonic() + LOOK_S
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if time.monotonic() > look_s:
            share = share_of_time(busy(), cores=cores, threads=worker_threads(config))
            look_s = time.monotonic() + LOOK_S
        if share == 1.0:
            time.sleep(LOOK_S)
            continue
        time.sleep(PERIOD_S * share)
        os.kill(child, signal.SIGSTOP)
        try:
            time.sleep(PERIOD_S * (1 - share))
        finally:
            os.kill(child, signal.SIGCONT)


def _lower_session() -> None:
    """Linux may share the cores between sessions first, and then between the processes of each (autogroups): a
    process that has a session of its own lowers that, too.
    """
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICENESS))


def _processor_s(pid: int) -> float | None:
    """Seconds that the processors spent on a process; None if it has ended, or on a system that does not tell."""
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK")) if fields else None
