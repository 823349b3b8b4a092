"""results.jsonl: a line for each run of a script, with what it ran on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from setting import HERE, ROOT

RESULTS = HERE / "results.jsonl"
WRITTEN = (":!benchmarks/serving/results.jsonl", ":!benchmarks/serving/README.md")
NAMED = ("bentoml", "onnxruntime", "starlette", "tokenizers", "torch", "transformers", "uvicorn")


def record(script: str, facts: dict[str, Any], results: Path) -> None:
    """Append the line, and show it."""
    line = json.dumps({"script": script, **surroundings(), **facts})
    with results.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    sys.stdout.write(line + "\n")


def latest() -> dict[str, dict[str, Any]]:
    """The last line of each script."""
    if not RESULTS.is_file():
        return {}
    lines = map(json.loads, RESULTS.read_text(encoding="utf-8").splitlines())
    return {line["script"]: line for line in lines}


def surroundings() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        # What the scripts write here themselves does not count as a change.
        "commit": _git("rev-parse", "--short", "HEAD")
        + ("+" if _git("status", "--porcelain", "--", ".", *WRITTEN) else ""),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {_processor()}",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in NAMED}},
    }


def percentile(seconds: Sequence[float], share: float) -> float | None:
    """In milliseconds; None without values."""
    return round(1000 * float(np.percentile(seconds, share)), 2) if len(seconds) else None


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
