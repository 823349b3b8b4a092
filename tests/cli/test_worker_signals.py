"""A worker process that is told to end, or whose job is cancelled, in the middle of a training."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.config import Config
from core.home import Home
from tests.tiny import tiny_rows

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
LIMIT_S = 400


@pytest.fixture
def home(tmp_path: Path, tiny_package: Path, tiny_checkpoint: Path) -> Iterator[Home]:
    made = Home(Config(home=tmp_path / "home"))
    shutil.copytree(tiny_checkpoint.parent / "datasets", made.config.datasets)
    made.registry.promote("m", made.registry.add(tiny_package, "m"))
    made.ledger.added.add("m", tiny_rows(30, seed=8), source="desk", fingerprint="f")
    yield made
    made.close()


@contextmanager
def worker(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """A worker whose trainings take very long, with the priority of the tests."""
    code = "import os, sys; os.nice = lambda _: 0; from cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "--home", str(home.folder), "worker", "--poll", "0.1"]
    endless = {
        "RETUNE_FINETUNE__EPOCHS": "100000",
        "RETUNE_FINETUNE__PATIENCE": "100000",
        "RETUNE_FINETUNE__LR": "1e-5",
    }
    environment = {**os.environ, **endless, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_training_ends_at_its_next_step(home: Home) -> None:
    job = home.jobs.enqueue("m", "retrain", {"method": "full"})

    def is_training() -> bool:
        now = home.jobs.get(job.id)
        return now.progress == "finetune: Fine-tuning" and (now.share or 0) > 0

    with worker(home) as process:
        wait_until(is_training, process)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=LIMIT_S)[0] == b"Told to end.\n"
        assert process.returncode == 0
    stopped = home.jobs.get(job.id)
    assert (stopped.status, stopped.attempts, stopped.owner) == ("queued", 0, None)
    with worker(home) as process:
        wait_until(is_training, process)
        assert home.jobs.cancel(job.id).status == "running"
        wait_until(lambda: not home.jobs.get(job.id).is_unfinished, process)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=LIMIT_S)[0] == b"1 jobs ended.\n"
    assert home.jobs.get(job.id).status == "cancelled"
    assert list((home.folder / "work").iterdir()) == []
    assert home.registry.versions("m") == ["1"]
