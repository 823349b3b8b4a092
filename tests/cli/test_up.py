"""`retune up`, and what commands beside it say."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are another package
import pytest

from cli.beside import tell_of_others
from cli.context import Run
from core.config import Config
from core.home import Home
from core.home_processes.supervision import SupervisedProcess, Supervision, publish, supervising, supervision_of
from core.ledger_tables.heartbeats import Heartbeats
from core.processes.owner import this_worker
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:3000"
LIMIT_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_second_up_says_who_has_the_home(retune: Command, home: Path) -> None:
    with supervising(home, Supervision.of_this_process(URL)):
        code, _, err = retune("up", "--port", str(free_port()))
    assert code == 1
    assert f"'retune up' already runs the home {home}: process {os.getpid()} on {socket.gethostname()}, since " in err


def test_a_port_in_use_is_said_before_anything_starts(retune: Command, home: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        code, out, err = retune("up", "--port", port)
    assert (code, out) == (1, "")
    assert f"Port {port} on 127.0.0.1 is in use" in err
    assert not home.exists()


@pytest.mark.parametrize(("command", "name"), [("worker", "worker"), ("monitor", "monitor")])
def test_a_process_beside_up_says_so(retune: Command, home: Path, command: str, name: str) -> None:
    with supervising(home, Supervision.of_this_process(URL)):
        err = retune(command, "--once")[2]
    assert f"runs the {name} of the home {home} already: this one runs beside it." in err
    assert "already" not in retune(command, "--once")[2]


def test_up_says_which_processes_run_beside_it(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    opened = Home(Config(home=home))
    opened.jobs.enqueue("m", "retrain")
    Heartbeats(opened.ledger.database).begin("worker", this_worker())
    tell_of_others(Run(None, str(home)))
    told = capfd.readouterr().err
    assert told.startswith(f"A worker of this home runs already (process {os.getpid()} on {socket.gethostname()})")
    opened.close()


def test_status_says_what_was_started_again(retune: Command, home: Path, tiny_package: Path) -> None:
    Home(Config(home=home)).registry.add(tiny_package, "m")
    this = Supervision.of_this_process(URL)
    with supervising(home, this):
        ended = SupervisedProcess("worker", 1, this.since, 2, this.since, "was killed by SIGKILL after 9.0 s")
        publish(home, replace(this, processes=(SupervisedProcess("gateway", 2, this.since), ended)))
        [line] = [line for line in retune("status", "m")[1].splitlines() if line.startswith("up ")]
    assert f"process {os.getpid()} on {socket.gethostname()}" in line
    assert "started again: worker 2 times (it was killed by SIGKILL after 9.0 s, " in line
    assert "gateway" not in line
    assert not [line for line in retune("status", "m")[1].splitlines() if line.startswith("up ")]


@contextmanager
def up(home: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "cli", "--home", str(home), "up", "--port", str(port), "--workers", "1"]
    with log.open("wb") as output, subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/predict", json={"texts": ["invoice"]}).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_killed_processes_come_back_and_all_end_with_one_signal(tmp_path: Path, home: Path, tiny_package: Path) -> None:
    opened, port, log = Home(Config(home=home)), free_port(), tmp_path / "log"
    opened.registry.promote("m", opened.registry.add(tiny_package, "m"))

    def state(name: str) -> SupervisedProcess:
        found = supervision_of(home)
        return next(one for one in (found.processes if found else ()) if one.name == name)

    with up(home, port, log) as process:
        wait_until(lambda: answers(port))
        for name in ("gateway", "monitor", "worker"):
            pid = state(name).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda name=name, pid=pid: state(name).pid not in (None, pid))  # type: ignore[misc]
            assert state(name).restarts == 1
        wait_until(lambda: answers(port))
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(LIMIT_S) == 0
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    lines = log.read_text()
    assert all(f"up      | {name} was killed by SIGKILL after" in lines for name in ("gateway", "monitor", "worker"))
    assert (home / "up.log").read_text().count("was killed by SIGKILL") == 3
    opened.close()


@pytest.mark.slow
def test_nothing_is_left_of_a_supervisor_that_is_killed(tmp_path: Path, home: Path, tiny_package: Path) -> None:
    opened, port = Home(Config(home=home)), free_port()
    opened.registry.promote("m", opened.registry.add(tiny_package, "m"))
    with up(home, port, tmp_path / "log") as process:
        wait_until(lambda: answers(port))
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 5
        process.kill()
        psutil.wait_procs(children, timeout=LIMIT_S)
    assert not [child for child in children if child.is_running()]
    opened.close()
