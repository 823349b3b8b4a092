"""Models to export: trained by the command that users have, and kept between runs."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATA = HERE.parents[2] / "shared" / "data"
WORK = Path(os.environ.get("RETUNE_BENCH", ROOT / ".retune" / "bench-export"))

BUDGET = "3m"

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{"text": row["text"], "label": row["label"]} for row in csv.DictReader(file)]


def write(rows: Sequence[Row], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def parts(name: str) -> tuple[list[Row], list[Row]]:
    """Rows to train on, and rows to measure on."""
    if name == "sms_spam":
        rows = read(DATA / name / "sms_spam.csv")
        random.Random(0).shuffle(rows)
        return rows[:4000], rows[4000:]
    if name == "multi_label":
        return _several(read(DATA / "banking77" / "train.csv")), _several(read(DATA / "banking77" / "test.csv"))
    return read(DATA / name / "train.csv"), read(DATA / name / "test.csv")


def _several(rows: Sequence[Row]) -> list[Row]:
    """Several labels a text: the words that a label of banking77 is made of, if at least five labels share them."""
    words = [word for label in sorted({row["label"] for row in rows}) for word in set(label.lower().split("_"))]
    common = {word for word in words if words.count(word) >= 5 and len(word) > 3}
    return [
        {"text": row["text"], "label": "|".join(sorted(common & set(row["label"].lower().split("_"))))} for row in rows
    ]


def checkpoint(name: str) -> Path:
    """Trained once; `WORK` keeps it."""
    folder = WORK / name
    train, judge = parts(name)
    if not (folder / "checkpoint").is_dir():
        write(train, folder / "train.csv")
        write(judge, folder / "judge.csv")
        options = ["--multi-label"] if name == "multi_label" else []
        options += ["--method", "full", "--budget", BUDGET]
        retune(name, "finetune", "--data", "train.csv", "--out", "checkpoint", *options)
    return folder / "checkpoint"


def packaged(name: str, *, rung: str | None = None, anew: bool = False) -> Path:
    """The package that the ladder chooses, or that of the rung named; `anew`: exported again by the code as it is."""
    checkpoint(name)
    folder = WORK / name / (rung or "packaged")
    if anew:
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        retune(name, "export", "checkpoint", "--out", folder.name, *(["--rung", rung] if rung else []))
    return folder


def retune(name: str, *words: str) -> dict[str, Any]:
    """What a command says with `--json`, run in the model's folder."""
    folder = WORK / name
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RETUNE_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "cli", *words, "--json"]
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(words)} failed: {finished.stderr}")
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer
