"""What a check of traffic costs as a whole: processor seconds on one thread, and the peak memory of its process.

    python benchmarks/drift/cost.py [--data DIR] [--work DIR] [--seed 7] [--runs 3] [RECIPE ...]

Each run is `monitoring.watch.check_window`, as in a round of `retune monitor`, in a process of its own, beside a copy
of the recipe's ledger. Prints the table of benchmarks/drift/README.md; "verdict" is the sha256 of what was recorded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RECIPES = ("clinc150_control", "clinc150_new_domains", "crisislex_to_next_flood", "banking77_new_intents")
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
COLUMNS = ("recipe", "rows", "verdict", "seconds", "memory, MB", "of it before the check", "sha256")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=ROOT / ".retune" / "bench-cost")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--check", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.check:
        sys.stdout.write(json.dumps(checked(given.check)))
        return
    sys.stdout.write(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n")
    for recipe in given.recipes:
        folder = prepared_aside(recipe, given)
        runs = [run(folder) for _ in range(given.runs)]
        sys.stdout.write(f"| {' | '.join([recipe, *cells(runs)])} |\n")
        sys.stdout.flush()


def prepared_aside(recipe: str, given: argparse.Namespace) -> Path:
    from cost_case import prepared

    return prepared(recipe, data=given.data, work=given.work, seed=given.seed)


def run(folder: Path) -> dict[str, Any]:
    """`checked` in a new process, whose ledger is a copy."""
    with TemporaryDirectory() as aside:
        copy = Path(aside) / "case"
        shutil.copytree(folder, copy)
        command = [sys.executable, __file__, "--check", str(copy)]
        output = subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(output.stdout)
    return found


def checked(folder: Path) -> dict[str, Any]:
    from cost_home import home_of, package_of

    from core.stored import as_stored
    from monitoring.watch import check_window

    home, package = home_of(folder), package_of(folder)
    home.ledger.last_checked(package.model, package.version)  # opens the ledger
    before_mb, begun_s = peak_mb(), time.process_time()
    verdict = check_window(home, package).record.verdict
    seconds = time.process_time() - begun_s
    home.close()
    stored = json.dumps(as_stored(verdict), sort_keys=True)
    return {
        "rows": f"{verdict.reference_rows} × {verdict.rows}",
        "verdict": verdict.outcome,
        "seconds": seconds,
        "memory_mb": peak_mb(),
        "before_mb": before_mb,
        "sha256": hashlib.sha256(stored.encode()).hexdigest(),
        "stored": stored,
    }


def peak_mb() -> float:
    """`ru_maxrss` counts what the parent process had before it became this program."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def cells(runs: list[dict[str, Any]]) -> list[str]:
    """Of the fastest run; all runs record the same."""
    best = min(runs, key=lambda one: float(one["seconds"]))
    if any(one["stored"] != best["stored"] for one in runs):
        raise SystemExit("The runs do not record the same verdict.")
    memory = max(one["memory_mb"] for one in runs)
    return [
        best["rows"],
        best["verdict"],
        f"{best['seconds']:.2f}",
        f"{memory:.0f}",
        f"{best['before_mb']:.0f}",
        best["sha256"][:12],
    ]


if __name__ == "__main__":
    main()
