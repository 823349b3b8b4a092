"""Runs a retrain job of a home in this process, and prints its time by stage and the most memory that it took.

python benchmarks/loop/head_worker.py HOME STARTED, in any environment that has the extra `serve`. `STARTED`: the
monotonic clock when the process was started.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.config import Config
from core.home import Home
from lifecycle.worker import run_next

MODEL = "m"


def main(folder: Path, started: float) -> None:
    home = Home(Config.model_validate({"home": folder, "retrain": {"ladder": ["head"]}}))
    marks = [("start", started), ("training set", time.monotonic())]
    home.jobs.enqueue(MODEL, "retrain")

    def report(stage: str, _share: float) -> None:
        if marks[-1][0] != stage:
            marks.append((stage, time.monotonic()))

    job = run_next(home, stop=threading.Event(), progress=report)
    marks.append(("", time.monotonic()))
    if job is None or job.retrained is None or job.retrained.verdict is None:
        raise SystemExit(f"no result: {job}")
    stages = {name: round(after - at, 2) for (name, at), (_, after) in zip(marks, marks[1:], strict=False)}
    used = resource.getrusage(resource.RUSAGE_SELF)
    facts = {
        "seconds": round(marks[-1][1] - started, 2),
        "processor_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / 1024),
        "stages": stages,
        "version": job.retrained.version,
        "answer": job.retrained.verdict.answer,
        "strength": next(
            (row["strength"] for row in reversed(job.retrained.training.history) if "strength" in row), None
        ),
        "reason": job.retrained.reason,
    }
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
