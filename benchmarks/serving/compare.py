"""Retune and its peers under the same load, in turns.

python benchmarks/serving/compare.py [--rounds 3] [--seconds 10] [--mixed] [--systems retune bentoml …]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from ceiling import CEILING, ceiling
from client import Answer, Ask, closed_loop, post
from results import percentile, record
from setting import WORK, Setting, parser, setting_of
from systems import SYSTEMS, Server, System, served
from wrk import require_wrk, written, wrk

CONNECTIONS = (1, 8, 32, 64, 128)
MIXED_CONNECTIONS = 64
WARM_UP_S = 5.0
SETTLE_S = 1.0
"""Before each measurement: what the last one left in the queues is answered first."""


def main() -> None:
    options = parser("Retune and its peers under the same load, in turns.", seconds=10)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--systems", nargs="+", default=[system.name for system in SYSTEMS])
    options.add_argument("--mixed", action="store_true", help="One text in ten is long.")
    given = options.parse_args()
    require_wrk()
    chosen = [system for system in SYSTEMS if system.name in given.systems]
    setting = setting_of(given)
    texts = setting.mixed if given.mixed else setting.short
    name = "compare_mixed" if given.mixed else "compare"
    record(name, compared(setting, texts, chosen, rounds=given.rounds), given.results)


def compared(setting: Setting, texts: Sequence[str], systems: Sequence[System], *, rounds: int) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in (CEILING, *(system.name for system in systems))}
    for number in range(1, rounds + 1):
        found[CEILING].append(ceiling(setting, texts))
        for system in systems:
            sys.stderr.write(f"round {number}: {system.name}\n")
            found[system.name].append(measured(system, setting, texts))
    facts = {"rounds": rounds, "seconds": setting.seconds, "package": setting.engine.facts.rung}
    return {**facts, "systems": {name: medians(runs) for name, runs in found.items()}}


def measured(system: System, setting: Setting, texts: Sequence[str]) -> dict[str, Any]:
    """One round of one system: started, warmed, loaded, stopped."""
    bodies = written(texts, system.body, WORK / "bodies" / f"{system.name.replace(' ', '-')}.jsonl")
    with served(system, setting) as server:
        wrk(server.url, bodies, connections=MIXED_CONNECTIONS, seconds=min(WARM_UP_S, setting.seconds))
        loads = {str(connections): loaded(server, bodies, connections, setting) for connections in CONNECTIONS}
        kinds = {"short_alone": short_p99(server, setting, setting.short)}
        kinds["short_among_long"] = short_p99(server, setting, setting.mixed)
        return {"loads": loads, "ready_s": server.ready_s, "memory": asdict(server.tree.memory()), "p99_ms": kinds}


def loaded(server: Server, bodies: Path, connections: int, setting: Setting) -> dict[str, Any]:
    time.sleep(SETTLE_S)
    return wrk(server.url, bodies, connections=connections, seconds=setting.seconds)


def short_p99(server: Server, setting: Setting, texts: Sequence[str]) -> float | None:
    """Milliseconds, of the short ones among `texts`, at 64 connections that each send the next text in order.

    Not by wrk, whose scripts cannot tell which request an answer belongs to.
    """
    time.sleep(SETTLE_S)
    long, seconds = set(setting.long), []
    asks = [post(server.system.path, server.system.body(text), about=text in long) for text in texts]

    def keep(ask: Ask, answer: Answer) -> None:
        if not ask.about and answer.status == 200:
            seconds.append(answer.seconds)

    load = closed_loop(server.port, cycle(asks), connections=MIXED_CONNECTIONS, on_answer=keep, seconds=setting.seconds)
    uvloop.run(load)
    return percentile(seconds, 99)


def medians(runs: Sequence[Any]) -> Any:
    """Of each number in runs of one shape; counts of failures add up, for the worst must not be hidden."""
    if isinstance(runs[0], dict):
        return {
            key: sum(run[key] for run in runs) if key in ("not_200", "broken") else medians([run[key] for run in runs])
            for key in runs[0]
        }
    known = [run for run in runs if run is not None]
    return round(median(known), 3) if known else None


if __name__ == "__main__":
    main()
