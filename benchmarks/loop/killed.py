"""Each process of `retune up` is killed with SIGKILL under load: how long until it is back, and what was lost.

    python benchmarks/loop/killed.py --home HOME --model NAME --rows FILE [--rate 20]

The home has a model in service, such as one of `retune deploy`; rows of FILE are its texts and labels. Clients ask for
predictions and give a label for each answer. The worker is killed in the middle of a retrain. A table is printed.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

import psutil  # type: ignore[import-untyped]  # its stubs are another package
from processes import free_port
from sqlalchemy import select

from cli.demo.client import Client
from core.config import Config
from core.datasets import Example, read_examples
from core.errors import RequestFailed
from core.home import Home
from core.home_processes.supervision import SupervisedProcess, supervision_of
from core.schema import feedback

ROOT = Path(__file__).parents[2]
LIMIT_S, CALM_S, GAP_S, CLIENTS = 600.0, 5.0, 0.05, 4


@dataclass
class Load:
    """What clients saw. `answers`: times of good answers; `acknowledged`: predictions whose label was accepted."""

    answers: list[float] = field(default_factory=list)
    failures: list[tuple[float, str]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def gap_s(self, since: float) -> float:
        """The longest time without an answer."""
        times = [since, *(at for at in sorted(self.answers) if at > since)]
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def failed(self, since: float) -> int:
        return sum(at > since for at, _ in self.failures)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=20.0, help="Predictions a second.")
    given = parser.parse_args()
    home = Home(Config(home=given.home.absolute()))
    rows = read_examples(given.rows)
    port = free_port()
    with running_up(home, port):
        wait_until(lambda: is_ready(port))
        with under_load(port, given.model, rows, rate=given.rate) as load:
            say("| killed | longest time without an answer | failed requests | process back after |")
            say("|---|---|---|---|")
            for name, victim in victims(home):
                show(load, name, lambda victim=victim: kill_and_wait(home, victim))  # type: ignore[misc]
            show(load, "worker, in the middle of a retrain", lambda: kill_in_a_job(home, port, given.model))
        states = process_states(home)
    say(f"Restarts: {', '.join(f'{state.name} {state.restarts}' for state in states)}.")
    with home.ledger.database.read() as connection:
        stored = set(connection.scalars(select(feedback.c.prediction_id)))
    lost = set(load.acknowledged) - stored
    say(f"{len(load.answers)} answers, {len(load.failures)} failed requests.")
    say(f"{len(load.acknowledged)} labels acknowledged, {len(lost)} of them lost.")


def show(load: Load, name: str, kill: Callable[[], float]) -> None:
    time.sleep(CALM_S)
    begun = time.monotonic()
    back_s = kill()
    time.sleep(CALM_S)
    say(f"| {name} | {load.gap_s(begun):.1f} s | {load.failed(begun)} | {back_s:.1f} s |")


@contextmanager
def running_up(home: Home, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "cli", "--home", str(home.folder), "up", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        say(f"Exit code of 'retune up' after SIGTERM: {process.wait(120)}.")


def victims(home: Home) -> Iterator[tuple[str, Callable[[], psutil.Process]]]:
    def of(name: str) -> psutil.Process:
        return psutil.Process(next(state.pid for state in process_states(home) if state.name == name))

    def server() -> psutil.Process:
        return of("gateway").children()[0]

    def server_workers() -> list[psutil.Process]:
        return [child for child in server().children() if "_bentoml_impl.worker" in " ".join(child.cmdline())]

    yield "gateway (`retune serve`)", lambda: of("gateway")
    yield "the server's first process (BentoML)", server
    for number in range(len(server_workers())):
        yield f"server worker {number + 1}", lambda number=number: server_workers()[number]  # type: ignore[misc]
    yield "monitor", lambda: of("monitor")


def kill_and_wait(home: Home, victim: Callable[[], psutil.Process]) -> float:
    """Seconds until as many processes run as before."""
    before = process_count(home)
    victim().kill()
    begun = time.monotonic()
    wait_until(lambda: process_count(home) < before)
    wait_until(lambda: process_count(home) >= before)
    return time.monotonic() - begun


def kill_in_a_job(home: Home, port: int, model: str) -> float:
    """Seconds until the job of a killed worker runs again; waits for its end."""
    client = Client(f"http://127.0.0.1:{port}")
    job_id = client.post(f"/admin/models/{model}/retrain", {})["job"]
    wait_until(lambda: home.jobs.get(job_id).progress not in (None, "") and home.jobs.get(job_id).attempts == 1)
    os.kill(next(state.pid or 0 for state in process_states(home) if state.name == "worker"), signal.SIGKILL)
    begun = time.monotonic()
    wait_until(lambda: home.jobs.get(job_id).attempts == 2)
    back_s = time.monotonic() - begun
    wait_until(lambda: not home.jobs.get(job_id).is_unfinished)
    job = home.jobs.get(job_id)
    say(f"| (job {job_id}: {job.status} after {job.attempts} attempts) | | | |")
    return back_s


def process_states(home: Home) -> Sequence[SupervisedProcess]:
    up = supervision_of(home.folder)
    return up.processes if up else ()


def process_count(home: Home) -> int:
    """The processes of `retune up` that run now, those of the server included."""
    up = supervision_of(home.folder)
    children = psutil.Process(up.pid).children(recursive=True) if up else []
    return sum(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


@contextmanager
def under_load(port: int, model: str, rows: Sequence[Example], *, rate: float) -> Iterator[Load]:
    load, ended, texts = Load(), threading.Event(), itertools.cycle(rows)

    def call() -> None:
        client = Client(f"http://127.0.0.1:{port}", timeout_s=30)
        while not ended.wait(CLIENTS / rate):
            row = next(texts)
            try:
                answer = client.predict([row.text], model)["predictions"][0]
                load.answers.append(time.monotonic())
                label = {"prediction_id": answer["id"], "label": row.label, "source": "benchmark"}
                if client.post("/feedback", {"feedback": [label]})["accepted"]:
                    load.acknowledged.append(answer["id"])
            except RequestFailed as error:
                load.failures.append((time.monotonic(), str(error)))

    threads = [threading.Thread(target=call, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(GAP_S)


if __name__ == "__main__":
    main()
