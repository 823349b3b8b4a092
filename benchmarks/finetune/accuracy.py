"""Trains and judges every case with every seed, by the commands that users have; writes a line a run.

    python benchmarks/finetune/accuracy.py [--only TEXT] [--seeds 0,1,2]

Runs that results.jsonl holds already are not done again: remove a line to repeat its run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cases import CASES, Case, parts, write

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"
DATA = HERE.parents[2] / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    for seed in map(int, given.seeds.split(",")):
        for case in CASES:
            if given.only in case.name and (case.name, seed) not in done():
                note(run(case, seed, given.data))


def done() -> set[tuple[str, int]]:
    return {(entry["case"], entry["seed"]) for entry in results()}


def results() -> list[dict[str, Any]]:
    if not RESULTS.is_file():
        return []
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def note(entry: dict[str, Any]) -> None:
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    sys.stdout.write(json.dumps(entry) + "\n")
    sys.stdout.flush()


def run(case: Case, seed: int, data: Path) -> dict[str, Any]:
    """One training in a home of its own, so that nothing is cached, then the metrics on the judging rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = parts(case.data, data, seed=seed)
        write(rows.train, folder / "train.csv")
        write(rows.judge, folder / "judge.csv")
        options = ["--method", case.method, "--budget", case.budget, "--seed", str(seed)]
        if rows.validation is not None:
            write(rows.validation, folder / "validation.csv")
            options += ["--validation", "validation.csv"]
        started = time.monotonic()
        trained, peak_mb = retune(folder, "finetune", "--data", "train.csv", "--out", "checkpoint", *options)
        seconds = time.monotonic() - started
        measured, _ = retune(folder, "evaluate", "checkpoint", "--data", "judge.csv")
        training = json.loads((folder / "checkpoint" / "training.json").read_text(encoding="utf-8"))
    before = training["metrics"]["before_temperature"]["expected_calibration_error"]
    return {
        "case": case.name,
        "seed": seed,
        "budget": case.budget,
        "chosen": trained["method"],
        "train_rows": training["data"]["train_rows"],
        "accuracy": measured["accuracy"],
        "macro_f1": measured["macro_f1"],
        "expected_calibration_error": measured["expected_calibration_error"],
        "validation_error_before_temperature": before,
        "epochs": training["settings"].get("epochs"),
        "rate": training["learning_rate"].get("chosen"),
        "ended_by": training["settings"].get("ended_by"),
        "kept": training["settings"].get("kept"),
        "fit": training["fit"].get("verdict"),
        "seconds": round(seconds, 1),
        "peak_mb": round(peak_mb),
    }


def retune(folder: Path, *words: str) -> tuple[dict[str, Any], float]:
    """The command's answer, and the largest resident memory of its own process, in MB."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "RETUNE_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "cli", *words, "--json"]
    out, err = folder / "answer.json", folder / "messages.txt"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stdout, stderr=stderr)
        # Not RUSAGE_CHILDREN: that is the largest of all commands so far.
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed: {err.read_text(encoding='utf-8')}")
    answer: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return answer, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
