"""`wrk`, a load generator in C, over the texts of a file of bodies."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from setting import HERE

TIMEOUT_S = 30


def require_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing. Install it: apt-get install wrk.")


def written(texts: Sequence[str], body: Callable[[str], dict[str, Any]], path: Path) -> Path:
    """The bodies, one a line: JSON in ASCII holds no line break."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(body(text)) + "\n" for text in texts), encoding="ascii")
    return path


def wrk(url: str, bodies: Path, *, connections: int, seconds: float) -> dict[str, Any]:
    """Answers a second and latencies of a closed loop; `not_200` counts statuses from 400, the only others here."""
    options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={TIMEOUT_S}s", "--latency"]
    command = ["wrk", *options, "-s", str(HERE / "load.lua"), url, "--", str(bodies)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    facts: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    good = facts["requests"] - facts["not_200"]
    return {**facts, "texts_per_s": round(good / facts["seconds"], 1)}
