"""The engine alone: what no server over it can exceed."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from setting import Setting

from core.cpu import available_cpus
from core.engine import Engine

CEILING = "engine alone"
CHUNK_ROWS = 1024
"""Texts given to `Engine.answer` at once: enough that lengths fill their batches."""


def ceiling(setting: Setting, texts: Sequence[str]) -> dict[str, Any]:
    """Texts a second of a process a core, one thread each; the time of one text in one process, the others idle."""
    return {
        "texts_per_s": round(_together(setting, texts), 1),
        "one_text_ms": round(1000 * _one_text(setting, texts), 3),
    }


def _together(setting: Setting, texts: Sequence[str]) -> float:
    cores = available_cpus()
    context = multiprocessing.get_context("spawn")
    begin, speeds = context.Barrier(cores), context.SimpleQueue()
    work = (setting.package, texts, setting.seconds, begin, speeds)
    processes = [context.Process(target=_answer, args=work) for _ in range(cores)]
    for process in processes:
        process.start()
    total = sum(speeds.get() for _ in processes)
    for process in processes:
        process.join()
    return float(total)


def _answer(package: Path, texts: Sequence[str], seconds: float, begin: Barrier, speeds: Any) -> None:
    engine, answered = Engine(package, threads=1), 0
    engine.answer(texts[:CHUNK_ROWS])
    begin.wait()
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        first = answered % len(texts)
        answered += len(engine.answer(texts[first : first + CHUNK_ROWS]).logits)
    speeds.put(answered / elapsed)


def _one_text(setting: Setting, texts: Sequence[str]) -> float:
    """Median, over the texts that the servers are sent: tokenized and computed."""
    times, started = [], time.perf_counter()
    for text in texts:
        before = time.perf_counter()
        setting.engine.answer([text])
        times.append(time.perf_counter() - before)
        if before - started > setting.seconds:
            break
    return float(np.median(times))
