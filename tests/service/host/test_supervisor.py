from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are another package
import pytest

from core.home_processes.supervision import SupervisedProcess
from service.host.process import ROOT
from service.host.supervisor.child import Program
from service.host.supervisor.log import ProcessLog
from service.host.supervisor.run import Supervisor

SHORT_S = 0.02
NOWHERE = -1
"""No file descriptor."""
LIMIT_S = 60.0
Reaction = Callable[[str, str], None]
"""Gets the name of a program and a line of its output; those of the supervisor have the name `up`."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.host.supervisor.back_off.FIRST_PAUSE_S", SHORT_S)
    monkeypatch.setattr("service.host.supervisor.run.LOOK_S", SHORT_S)


class Reacting(ProcessLog):
    def __init__(self, path: Path, react: Reaction) -> None:
        super().__init__(path, stream=NOWHERE)
        self.lines: list[tuple[str, str]] = []
        self._react = react

    def line(self, name: str, text: str) -> None:
        super().line(name, text)
        self.lines.append((name, text))
        self._react(name, text)

    def of(self, name: str) -> list[str]:
        return [text for owner, text in self.lines if owner == name]


def shell(name: str, script: str, **more: Callable[[], bool]) -> Program:
    return Program(name, ["/bin/sh", "-c", script], {**os.environ}, Path("/"), **more)


def lasting(name: str) -> Program:
    return shell(name, f"echo {name} runs; exec sleep {LIMIT_S}")


def end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def ending_at(name: str, text: str) -> Reaction:
    def react(owner: str, line: str) -> None:
        if owner == name and text in line:
            end()

    return react


def run(
    log: ProcessLog, *programs: Program, states: list[tuple[SupervisedProcess, ...]] | None = None, stop_s: float = 30
) -> int:
    recorded = [] if states is None else states
    try:
        return Supervisor(programs, log=log, on_change=recorded.append, stop_s=stop_s).run()
    finally:
        log.close()


def test_a_program_that_is_killed_is_started_again(tmp_path: Path) -> None:
    pids: list[int] = []

    def react(name: str, line: str) -> None:
        if name == "one":
            pids.append(int(line))
            end() if len(pids) == 2 else os.kill(pids[0], signal.SIGKILL)

    log, states = Reacting(tmp_path / "log", react), list[tuple[SupervisedProcess, ...]]()
    assert run(log, shell("one", f"echo $$; exec sleep {LIMIT_S}"), states=states) == 0
    assert any("one was killed by SIGKILL" in line for line in log.of("up"))
    last_running = next(state for (state,) in reversed(states) if state.pid is not None)
    assert (last_running.pid, last_running.restarts) == (pids[1], 1)
    assert str(last_running.ended).startswith("was killed by SIGKILL after ")
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_program_that_fails_at_its_start_is_told_with_its_own_sentence(tmp_path: Path) -> None:
    failing = shell("one", "echo loading; echo 'Error: The ledger is away.'; echo the end; exit 1")
    log = Reacting(tmp_path / "log", ending_at("up", "5 times in a row"))
    run(log, failing, lasting("two"))
    told = [line for line in log.of("up") if "exit code 1" in line]
    assert len(told) == 5
    assert all(line.endswith("It said: The ledger is away.") for line in told)
    pauses = [float(line.partition("starts again in ")[2].partition(" s.")[0]) for line in told]
    assert pauses == [SHORT_S * 2**turn for turn in range(5)]
    assert log.of("two") == ["two runs"]


def test_the_first_program_ends_after_all_others(tmp_path: Path) -> None:
    script = "trap 'echo ends; exit 0' TERM; echo runs; while :; do sleep 0.02; done"
    runs: list[str] = []

    def react(name: str, line: str) -> None:
        if line == "runs":
            runs.append(name)
            if len(runs) == 3:
                end()

    log = Reacting(tmp_path / "log", react)
    assert run(log, *(shell(name, script) for name in ("gateway", "monitor", "worker"))) == 0
    ended = [name for name, line in log.lines if line == "ends"]
    assert sorted(ended) == ["gateway", "monitor", "worker"]
    assert ended[-1] == "gateway"


DEAF = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"


def test_a_program_that_does_not_end_is_killed_and_the_exit_code_says_so(tmp_path: Path) -> None:
    log = Reacting(tmp_path / "log", ending_at("one", "deaf"))
    assert run(log, shell("one", DEAF), stop_s=0.1) == 1
    assert "one was killed" in log.of("up")


def test_a_second_signal_kills_at_once_with_what_was_started(tmp_path: Path) -> None:
    pids: list[int] = []

    def react(name: str, line: str) -> None:
        if name == "one":
            pids.extend(map(int, line.split()))
            end()
        elif "once more kills" in line:
            os.kill(os.getpid(), signal.SIGINT)

    log = Reacting(tmp_path / "log", react)
    script = f"trap '' TERM; sleep {LIMIT_S} & echo $$ $!; while :; do sleep 0.05; done"
    assert run(log, shell("one", script)) == 128 + signal.SIGINT
    assert len(pids) == 2
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(10)


def test_a_program_waits_for_what_is_in_its_way(tmp_path: Path) -> None:
    asked: list[bool] = []

    def is_free() -> bool:
        asked.append(len(asked) >= 3)
        return asked[-1]

    log = Reacting(tmp_path / "log", ending_at("one", "runs"))
    run(log, shell("one", f"echo runs; exec sleep {LIMIT_S}", may_start=is_free))
    assert asked == [False, False, False, True]


def test_a_command_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    log = Reacting(tmp_path / "log", ending_at("up", "2 times in a row"))
    run(log, Program("one", [str(tmp_path / "no-such-command")], {}, tmp_path))
    assert any("one could not be started" in line for line in log.of("up"))


def test_the_log_has_all_lines_with_time_and_name(tmp_path: Path) -> None:
    log = Reacting(tmp_path / "log", ending_at("two", "two runs"))
    run(log, shell("one", "printf 'a\\n\\nb'; exec sleep 0.01"), lasting("two"))
    lines = (tmp_path / "log").read_text().splitlines()
    assert [name for name, _ in log.lines] == [line.split("|")[0].split()[1] for line in lines]
    assert all(line[4] == line[7] == "-" and line[23] == "Z" for line in lines)
    assert log.of("one")[:2] == ["a", "b"]


def test_the_processes_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from service.host.supervisor.child import Program
from service.host.supervisor.log import ProcessLog
from service.host.supervisor.run import Supervisor
one = Program("one", ["/bin/sh", "-c", "echo pid $$; exec sleep {LIMIT_S}"], dict(os.environ), Path("/"))
Supervisor([one], log=ProcessLog(Path({str(tmp_path / "log")!r}), stream=1)).run()
"""
    supervisor = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    assert supervisor.stdout is not None
    line = next(line for line in supervisor.stdout if b"| pid " in line)
    child = psutil.Process(int(line.split()[-1]))
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    child.wait(10)
    assert not child.is_running()


def test_a_reader_that_does_not_read_stops_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    log = ProcessLog(tmp_path / "log", stream=writing)
    for number in range(3_000):
        log.line("one", f"{number} {'x' * 100}")
    os.close(reading)
    log.close()
    os.close(writing)
    assert len((tmp_path / "log").read_text().splitlines()) == 3_000
