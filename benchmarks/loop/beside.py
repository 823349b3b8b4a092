"""The time of answers while a worker retrains on the same machine, at half of the server's capacity.

    python benchmarks/loop/beside.py --data FOLDER [--ladder head] [--seconds 20]

The home is that of head.py with 1,000 rows of banking77. Capacity is measured with 16 connections that wait for their
answers; then requests of one text come at half of that rate, whatever becomes of those before them: before a retrain,
during it, and after it. A line is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

import numpy as np
from client import Answer, Ask, OpenLoop, asked, closed_loop, post
from head_case import MODEL, make_home, parts_of
from processes import free_port

from core.config import Config
from core.home import Home

ROOT = Path(__file__).parents[2]
CONNECTIONS, MOST_CONNECTIONS, MOST_RETRAIN_S = 16, 200, 300


class Times:
    """Statuses and seconds of the answers."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []

    def keep(self, _: Ask, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        self.seconds.append(answer.seconds)

    def facts(self) -> dict[str, Any]:
        p50, p99 = (round(1000 * float(np.percentile(self.seconds, share)), 1) for share in (50, 99))
        failed = sum(count for status, count in self.statuses.items() if status != 200)
        return {"requests": len(self.seconds), "failed": failed, "p50_ms": p50, "p99_ms": p99}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--homes", type=Path, default=Path(".retune/head-homes"))
    parser.add_argument("--ladder", default="head")
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    made, work = given.homes / "banking77-1000", given.homes / "beside"
    parts = parts_of(given.data / "banking77", rows=1_000)
    make_home(made, parts, rung="fp32")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(made, work)
    asks = [post("/predict", {"texts": [row.text], "model": MODEL}) for row in parts.later]
    with _serving(work) as port:
        sys.stdout.write(json.dumps(asyncio.run(_measured(port, asks, work, given.ladder, given.seconds))) + "\n")
    shutil.rmtree(work)


async def _measured(port: int, asks: Sequence[Ask], home: Path, ladder: str, seconds: float) -> dict[str, Any]:
    await closed_loop(port, cycle(asks), connections=CONNECTIONS, on_answer=lambda *_: None, seconds=3)
    full = Times()
    took = await closed_loop(port, cycle(asks), connections=CONNECTIONS, on_answer=full.keep, seconds=seconds / 2)
    capacity = len(full.seconds) / took
    before = await _at_rate(port, asks, capacity / 2, lambda: False, seconds)
    jobs = Home(Config(home=home)).jobs
    job = jobs.enqueue(MODEL, "retrain")
    worker = subprocess.Popen(
        _retune("worker", "--once"), env=_environment(home, ladder), stdout=subprocess.DEVNULL, cwd=ROOT
    )
    during = await _at_rate(port, asks, capacity / 2, lambda: worker.poll() is not None, MOST_RETRAIN_S)
    if worker.poll() is None:
        worker.terminate()
        worker.wait()
    after = await _at_rate(port, asks, capacity / 2, lambda: False, seconds)
    ended = jobs.get(job.id)
    return {
        "ladder": ladder,
        "capacity_per_s": round(capacity),
        "job": ended.status,
        **{name: times.facts() for name, times in (("before", before), ("during", during), ("after", after))},
    }


async def _at_rate(port: int, asks: Sequence[Ask], rate: float, is_over: Any, most_s: float) -> Times:
    times = Times()
    loop = OpenLoop(port, cycle(asks), max_connections=MOST_CONNECTIONS, on_answer=times.keep)
    await loop.open()
    started = time.monotonic()
    while time.monotonic() - started < most_s and not is_over():
        await loop.run(rate=rate, seconds=min(1.0, most_s))
    await loop.drain(seconds=5)
    return times


@contextmanager
def _serving(home: Path) -> Iterator[int]:
    port = free_port()
    command = _retune("serve", "--port", str(port))
    server = subprocess.Popen(command, env=_environment(home, "head"), stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while asked(port, "GET", "/readyz").status != 200:
            if time.monotonic() > deadline:
                raise SystemExit("the server does not become ready")
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=60)


def _retune(*words: str) -> list[str]:
    return [sys.executable, "-m", "cli", *words]


def _environment(home: Path, ladder: str) -> dict[str, str]:
    own = {"RETUNE_HOME": str(home), "RETUNE_RETRAIN__LADDER": ladder, "PYTHONPATH": str(ROOT)}
    return {**os.environ, **own}


if __name__ == "__main__":
    main()
