"""Speed, start-up time and memory of the rungs on this machine, in one thread as in a server worker."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from core.datasets import Text
from core.engine import Engine
from core.errors import CorruptPackage
from core.progress import Step, go_on

BULK_TEXTS, SINGLE_TEXTS = 192, 48
ROUNDS = 5
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Speed:
    """`texts_per_s` in batches of similar length; latencies in ms of single texts.

    `startup_s`: seconds from the imports to the first prediction of a new process. `resident_mb`: memory of the new
    process after its first prediction; None if the system does not report it.
    """

    texts_per_s: float
    latency_ms_median: float
    latency_ms_p95: float
    startup_s: float
    resident_mb: float | None


def measure(folders: Mapping[str, Path], texts: Sequence[Text], *, on_turn: Step = go_on) -> dict[str, Speed]:
    """Measure all rungs on the same texts, in turns: a slow phase of the machine then affects all rungs.

    The best of `ROUNDS` is used: other load on the machine can only slow a measurement down.
    """
    engines = {name: Engine(folder, threads=1) for name, folder in folders.items()}
    picked = [texts[index] for index in np.linspace(0, len(texts) - 1, min(BULK_TEXTS, len(texts))).astype(int)]
    encoded = next(iter(engines.values())).encode(picked)
    singles = encoded[:: max(1, len(encoded) // SINGLE_TEXTS)]
    bulk: dict[str, list[float]] = {name: [] for name in engines}
    alone: dict[str, list[list[float]]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            on_turn()
            bulk[name].append(_seconds(partial(engine.answer_encoded, encoded)))
            alone[name].append([_seconds(partial(engine.infer, [item])) for item in singles])
    return {
        name: _speed(folder, len(encoded) / min(bulk[name]), np.min(alone[name], axis=0).tolist())
        for name, folder in folders.items()
    }


def _speed(folder: Path, texts_per_s: float, seconds: Sequence[float]) -> Speed:
    startup_s, resident_mb = _startup(folder)
    return Speed(
        texts_per_s=round(texts_per_s, 1),
        latency_ms_median=round(1000 * statistics.median(seconds), 3),
        latency_ms_p95=round(1000 * float(np.quantile(seconds, 0.95)), 3),
        startup_s=round(startup_s, 2),
        resident_mb=None if resident_mb is None else round(resident_mb, 1),
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _startup(folder: Path) -> tuple[float, float | None]:
    """Seconds to the first prediction of a new process, and its resident megabytes."""
    command = [sys.executable, "-m", "export.first_answer", str(folder)]
    finished = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise CorruptPackage(folder, f"a fresh process cannot answer with it: {finished.stderr.strip()[-200:]}")
    seconds, resident_mb = json.loads(finished.stdout)
    return seconds, resident_mb
