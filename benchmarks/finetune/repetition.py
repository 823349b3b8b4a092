"""Two runs with one seed, and a run that is killed and resumed: hashes of the weights, and the metric of each."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from accuracy import DATA, HERE, retune
from cases import parts, write

RESULTS = HERE / "repetition.json"
OPTIONS = ["--method", "full", "--budget", "5m", "--seed", "0"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = parts("banking77-10", DATA, seed=0)
        write(rows.train, folder / "train.csv")
        write(rows.judge, folder / "judge.csv")
        facts = {run: trained(folder, run) for run in ("first", "second")}
        facts["killed and resumed"] = killed(folder, random.Random(0).uniform(60, 100))
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(facts) + "\n")


def trained(folder: Path, out: str, *more: str) -> dict[str, Any]:
    retune(folder, "finetune", "--data", "train.csv", "--out", out, *OPTIONS, *more)
    files = json.loads((folder / out / "training.json").read_text(encoding="utf-8"))["files"]
    measured, _ = retune(folder, "evaluate", out, "--data", "judge.csv")
    return {
        "weights": files["model.safetensors"][:16],
        "head": files["head.safetensors"][:16],
        "accuracy": measured["accuracy"],
    }


def killed(folder: Path, after_s: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "cli", "finetune", "--data", "train.csv", "--out", "third", *OPTIONS]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "RETUNE_HOME": str(folder / "home")}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    states = sorted(path.name for path in folder.glob(".third.run/*/checkpoint-*"))
    return {"killed_after_s": round(after_s), "states": states, **trained(folder, "third", "--resume")}


if __name__ == "__main__":
    main()
