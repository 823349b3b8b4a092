"""Time and memory of a retrain of the head, from the job to the gate's answer, and the accuracy of what it fits.

python benchmarks/loop/head.py --data FOLDER [--python PYTHON] [--homes FOLDER] [banking77:1000 …]

`--data`: a folder with banking77/ and clinc150/, each with train.csv and test.csv. `--python`: of the environment that
the job runs in. With all cases, the table of head.md is written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from head_case import MODEL, Parts, make_home, parts_of

from core.config import Config
from core.datasets import Example
from core.engine import Engine
from core.home import Home

HERE = Path(__file__).parent
KINDS = ("new", "old")
STAGES = {
    "start": "start",
    "training set": "rows",
    "head: Embedding the texts": "embedding",
    "head: Fitting the head": "fit",
    "head: Writing the package": "package",
    "gate": "gate",
    "register": "register",
}
CASES = ("banking77:1000", "clinc150:1000", "banking77:10000", "clinc150:10000")
TABLE, MARK = HERE / "head.md", "<!-- table -->"


def main() -> None:
    options = _options()
    results = []
    for case in options.cases:
        name, rows = case.split(":")
        parts = parts_of(options.data / name, rows=int(rows))
        made = options.homes / f"{name}-{rows}"
        make_home(made, parts, rung=options.rung)
        for state, entry in measured(made, parts, python=options.python).items():
            results.append({"data": name, "rows": int(rows), "state": state, **entry})
            sys.stdout.write(json.dumps(results[-1]) + "\n")
            sys.stdout.flush()
    if tuple(options.cases) == CASES:
        before = TABLE.read_text(encoding="utf-8").partition(MARK)[0]
        TABLE.write_text(f"{before}{MARK}\n{table(results)}", encoding="utf-8")


def measured(made: Path, parts: Parts, *, python: str) -> dict[str, dict[str, Any]]:
    """The same job twice: nothing is cached, and all rows are."""
    work = made.with_name(f"{made.name}-work")
    found, caches = {}, made.with_name(f"{made.name}-cache")
    shutil.rmtree(caches, ignore_errors=True)
    for state in ("new", "cached"):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(made, work)
        shutil.rmtree(work / "cache", ignore_errors=True)
        if state == "cached":
            shutil.copytree(caches, work / "cache")
        found[state] = {**_run(work, python), "accuracy": accuracy(work, parts)}
        if state == "new":
            shutil.copytree(work / "cache", caches)
    shutil.rmtree(work)
    return found


def _run(home: Path, python: str) -> dict[str, Any]:
    command = [python, str(HERE / "head_worker.py"), str(home), str(time.monotonic())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=1800, env=_environment())
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def accuracy(folder: Path, parts: Parts) -> dict[str, float]:
    """In percent, of champion and challenger on later rows of old and of new labels."""
    home = Home(Config(home=folder))
    new = {row.label for row in parts.added}
    rows = {"old": [row for row in parts.later if row.label not in new]}
    rows["new"] = [row for row in parts.later if row.label in new]
    versions = home.registry.versions(MODEL)
    found: dict[str, float] = {}
    for version, name in ((versions[0], "before"), (versions[-1], "after")):
        engine = Engine(home.registry.folder(MODEL, version))
        found |= {f"{kind} {name}": _percent(engine, part) for kind, part in rows.items()}
    home.close()
    return found


def _percent(engine: Engine, rows: Sequence[Example]) -> float:
    given = [engine.labels[place] for place in engine.answer([row.text for row in rows]).predicted]
    return round(100 * float(np.mean([label == row.label for label, row in zip(given, rows, strict=True)])), 2)


def table(results: Sequence[dict[str, Any]]) -> str:
    titles = ["data", "rows", "embeddings", "seconds", "processor", "MB", *STAGES.values(), "new labels", "old labels"]
    lines = [titles, ["---"] * len(titles)]
    for entry in results:
        facts = [entry["data"], entry["rows"], entry["state"], entry["seconds"], entry["processor_s"], entry["peak_mb"]]
        times = [entry["stages"].get(stage, 0.0) for stage in STAGES]
        right = [f"{entry['accuracy'][f'{kind} before']} → {entry['accuracy'][f'{kind} after']}" for kind in KINDS]
        lines.append([str(cell) for cell in (*facts, *times, *right)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--homes", type=Path, default=Path(".retune/head-homes"))
    parser.add_argument("--rung", default="fp32")
    return parser.parse_args()


if __name__ == "__main__":
    main()
