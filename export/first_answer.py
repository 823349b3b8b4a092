"""`python -m export.first_answer FOLDER`: prints the seconds to the first prediction and the resident megabytes."""

import time

_BEGUN = time.perf_counter()

import json  # noqa: E402  # the time includes the imports
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from core.engine import Engine  # noqa: E402

_STATUS = Path("/proc/self/status")


def main() -> None:
    engine = Engine(Path(sys.argv[1]), threads=1)
    engine.answer([("a", "b") if engine.facts.is_paired else "a"])
    seconds = time.perf_counter() - _BEGUN
    sys.stdout.write(json.dumps([seconds, _resident_mb()]))


def _resident_mb() -> float | None:
    if not _STATUS.is_file():
        return None
    line = next(line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
