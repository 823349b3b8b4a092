"""`retune score` on 200,000 texts against the engine alone on the same texts; memory over the run.

python benchmarks/export/score.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from models import ROOT, WORK, packaged, parts, write

sys.path.insert(0, str(ROOT))

from core.cpu import available_cpus
from core.engine import BATCH_TOKENS, Engine, batches
from core.scoring import CHUNK_ROWS

TEXTS, ENGINE_TEXTS = 200_000, 20_000


def main() -> None:
    package = packaged("banking77")
    pool = [row["text"] for part in parts("banking77") for row in part]
    texts = [pool[index % len(pool)] for index in range(TEXTS)]
    source = write([{"text": text} for text in texts], WORK / "banking77" / "bulk.csv")
    (WORK / "banking77" / "scored.csv").unlink(missing_ok=True)
    facts = {"engine_texts_per_s": engine_alone(package, texts), **scored(source, package)}
    facts["share"] = round(facts["score_texts_per_s"] / facts["engine_texts_per_s"], 3)
    sys.stdout.write(json.dumps(facts) + "\n")


def engine_alone(package: Path, texts: Sequence[str]) -> float:
    """Texts a second of nothing but engines: tokenized and computed, as many batches at once as there are cores."""
    engine, given = Engine(package, threads=1), texts[:ENGINE_TEXTS]
    started = time.perf_counter()
    with ThreadPoolExecutor(available_cpus()) as pool:
        for first in range(0, len(given), CHUNK_ROWS):
            encoded = engine.encode(given[first : first + CHUNK_ROWS])
            groups = list(batches([item.tokens for item in encoded], batch_tokens=BATCH_TOKENS))
            list(pool.map(lambda group, rows=encoded: engine.infer([rows[index] for index in group]), groups))
    return round(len(given) / (time.perf_counter() - started), 1)


def scored(source: Path, package: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "cli", "score", str(source), "--model", str(package), "--json"]
    process = subprocess.Popen(
        [*command, "--out", str(source.with_name("scored.csv"))], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    resident: list[float] = []
    watcher = threading.Thread(target=watch, args=(process, resident))
    watcher.start()
    out, _ = process.communicate()
    watcher.join()
    answer = json.loads(out)
    tenth = len(resident) // 10
    first, last = (max(part) for part in (resident[:tenth], resident[-tenth:]))
    return {
        "rows": answer["rows"],
        "score_texts_per_s": round(answer["rows"] / answer["seconds"], 1),
        "resident_mb": {"first_tenth": round(first), "last_tenth": round(last), "change": round(last / first - 1, 3)},
    }


def watch(process: subprocess.Popen[str], resident: list[float]) -> None:
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        except (OSError, StopIteration):
            return
        resident.append(int(line.split()[1]) / 1024)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
