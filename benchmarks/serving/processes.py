"""A server as its tree of processes: started, waited for, measured, stopped with nothing left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are another package
from setting import ONE_THREAD, ROOT

START_TIMEOUT_S, STOP_TIMEOUT_S = 120.0, 40.0
MB = 2**20
FOREIGN = ("RETUNE_", "BENTOML_", "MLSERVER_")


@dataclass(frozen=True)
class Memory:
    """`worker_mb`: resident, the mean of the two largest processes; `whole_mb`: of all, shared pages counted once."""

    worker_mb: float
    whole_mb: float
    processes: int


class Tree:
    """A process and all below it."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**inherited, **ONE_THREAD, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._log = log

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Raises `SystemExit` with the end of the log if the process ends or takes too long."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"{self.process.args!r} did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def family(self) -> list[psutil.Process]:
        try:
            main = psutil.Process(self.process.pid)
            return [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def memory(self) -> Memory:
        found = []
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                found.append(process.memory_full_info())
        largest = sorted((facts.rss for facts in found), reverse=True)[:2]
        whole = sum(facts.pss for facts in found)
        return Memory(round(sum(largest) / len(largest) / MB), round(whole / MB), len(found))

    def stop(self) -> None:
        family = self.family()
        if self.process.poll() is None:
            self.process.terminate()
        _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


@contextmanager
def running(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Iterator[Tree]:
    tree = Tree(command, environment=environment, folder=folder, log=log)
    try:
        yield tree
    finally:
        tree.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
