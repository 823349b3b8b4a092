"""A process that the supervisor keeps running."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are another package

from core.clock import utc_now
from core.home_processes.supervision import SupervisedProcess
from core.processes.parent import end_with_parent
from service.host.supervisor.back_off import failures_after, pause_s
from service.host.supervisor.output import Output

LONGEST_WAIT_S = 45.0


@dataclass(frozen=True)
class Program:
    """`may_start`: whether nothing is in the way of a start, such as a port that the process before still has."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    may_start: Callable[[], bool] = lambda: True


class Child:
    """Starts the program, notes its end, and knows when it is to be started again."""

    def __init__(self, program: Program, *, on_line: Callable[[str, str], None]) -> None:
        """`on_line`: gets the name of the program and a line of its output."""
        self.name = program.name
        self._program, self._on_line = program, on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Output | None = None
        self._begun_s, self._due_s, self._failures, self._starts = 0.0, time.monotonic(), 0, 0
        self._started_at: str | None = None
        self._ended_at: str | None = None
        self._ended: str | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def state(self) -> SupervisedProcess:
        pid = self._process.pid if self._process else None
        started_at = self._started_at if self._process else None
        return SupervisedProcess(
            self.name, pid, started_at, max(0, self._starts - 1), ended_at=self._ended_at, ended=self._ended
        )

    def start_if_due(self) -> Output | None:
        """Start the program if it is time, and nothing is in its way for `LONGEST_WAIT_S`; returns its output."""
        waited_s = time.monotonic() - self._due_s
        if self._process or waited_s < 0 or (waited_s < LONGEST_WAIT_S and not self._program.may_start()):
            return None
        self._starts += 1
        self._process = subprocess.Popen(
            self._program.command,
            cwd=self._program.folder,
            env=self._program.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Then a terminal's Ctrl-C reaches only the supervisor, which ends the processes in order.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        assert self._process.stdout is not None
        self._begun_s, self._started_at = time.monotonic(), utc_now()
        self._output = Output(self._process.stdout, lambda line: self._on_line(self.name, line))
        return self._output

    def ended(self) -> str | None:
        """How the process ended, if it did since the last call, and when it starts again, in a sentence."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        ran_s = time.monotonic() - self._begun_s
        said = self._last_words() if code > 0 else ""
        self._process = None
        return self._noted(f"{_how(code)} after {ran_s:.1f} s", said, ran_s=ran_s)

    def could_not_start(self, error: OSError) -> str:
        """Note that the system refused to start it; returns a sentence as `ended`."""
        return self._noted("could not be started", str(error), ran_s=0.0)

    def tell_to_end(self) -> None:
        if self._process:
            self._process.terminate()

    def has_ended(self) -> bool:
        """Whether the process ended after it was told to."""
        if self._process and self._process.poll() is not None:
            self._process = None
        return self._process is None

    def kill(self) -> None:
        """Kill the process and all that it started."""
        if self._process is None:
            return
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(self._process.pid)
            for process in [main, *main.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self._process.wait()
        self._process = None

    def _noted(self, how: str, said: str, *, ran_s: float) -> str:
        self._failures = failures_after(self._failures, ran_s=ran_s)
        self._due_s = time.monotonic() + pause_s(self._failures)
        self._ended_at, self._ended = utc_now(), f"{how}: {said}" if said else how
        in_a_row = f", {self._failures} times in a row" if self._failures > 1 else ""
        again = f"it starts again in {pause_s(self._failures):g} s"
        return f"{self.name} {how}{in_a_row}; {again}.{f' It said: {said}' if said else ''}"

    def _last_words(self) -> str:
        if self._output is None:
            return ""
        self._output.read()
        return self._output.sentence()


def _how(code: int) -> str:
    """
    >>> _how(1), _how(-9), _how(137)
    ('ended with exit code 1', 'was killed by SIGKILL', 'ended with exit code 137')
    """
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
