"""A process that runs in the time that the servers of its home leave."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.home_processes.pacing import share_of_time

ROOT = Path(__file__).parents[3]
LIMIT_S = 60
PACED = """
import os, sys
from pathlib import Path
from core.config import Config
from core.home_processes.pacing import run_paced
run_paced(Config(home=Path(sys.argv[1])))
print(os.getpid(), flush=True)
{then}
"""
BUSY_SERVER = """
import sys
from pathlib import Path
from core.home_processes.server_workers import ServerWorkers
ServerWorkers(Path(sys.argv[1])).publish({})
print("published", flush=True)
while True:
    pass
"""
FOR_EVER = "while True: pass"


@contextmanager
def run(code: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def paced_pid(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def state(pid: int) -> str:
    """The letter of /proc; X where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize(("busy", "expected"), [(0.0, 1.0), (0.5, 0.5), (0.8, 0.2), (1.9, 0.1)])
def test_what_the_servers_leave_of_two_cores(busy: float, expected: float) -> None:
    assert share_of_time(busy, cores=2, threads=1) == pytest.approx(expected)


def test_more_threads_run_for_a_smaller_part_of_the_time() -> None:
    assert share_of_time(2.0, cores=8, threads=7) == pytest.approx(2 / 7)


@pytest.mark.parametrize(("then", "code"), [("", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_it_exits_as_the_paced_process(then: str, code: int, tmp_path: Path) -> None:
    with run(PACED.format(then=then), tmp_path) as process:
        assert process.wait(LIMIT_S) == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_paced_process(number: int, tmp_path: Path) -> None:
    handled = f"import signal\nsignal.signal({int(number)}, lambda *_: sys.exit(5))"
    then = f"{handled}\nprint('ready', flush=True)\n{FOR_EVER}"
    with run(PACED.format(then=then), tmp_path) as process:
        assert process.stdout is not None
        paced_pid(process)
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 5


def test_it_is_stopped_again_and_again_beside_a_busy_server_and_ends_with_its_parent(tmp_path: Path) -> None:
    with run(BUSY_SERVER, tmp_path) as server, run(PACED.format(then=FOR_EVER), tmp_path) as process:
        assert server.stdout is not None
        assert server.stdout.readline() == "published\n"
        pid = paced_pid(process)
        wait_until(lambda: state(pid) == "T")
        wait_until(lambda: state(pid) != "T")
        wait_until(lambda: state(pid) == "T")
        process.kill()
        wait_until(lambda: state(pid) in "XZ")


def test_it_runs_on_where_no_server_has_requests(tmp_path: Path) -> None:
    then = "before = os.times()\nwhile os.times().user < before.user + 0.5: pass"
    with run(PACED.format(then=then), tmp_path) as process:
        pid = paced_pid(process)
        seen = set()
        while process.poll() is None:
            seen.add(state(pid))
        assert "T" not in seen
