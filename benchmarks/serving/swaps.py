"""Promotions and rollbacks under load: every answer against the engine's of the version that it names.

python benchmarks/serving/swaps.py [--swaps 100]
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median
from typing import Any

import psutil  # type: ignore[import-untyped]  # its stubs are another package
import uvloop
from client import Answer, Ask, closed_loop, connect, get, post
from processes import MB
from results import percentile, record
from setting import MODEL, Setting, parser, setting_of
from systems import RETUNE, Server, registry_of, served
from versions import renamed

CONNECTIONS = 16
# In turn, so that a promotion never finds its version warm; every fifth swap takes the promotion before it back.
VERSIONS, ROLLBACK_EVERY = 4, 5
PROMOTIONS, ROLLBACKS = 20, 5
EARLY = 5
SCORE_TOLERANCE = 1e-4
SWAP_TIMEOUT_S = 60.0


@dataclass
class Seen:
    """What the clients saw."""

    labels: dict[str, list[str]]
    scores: list[float]
    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    times: list[tuple[float, float]] = field(default_factory=list)

    def keep(self, ask: Ask, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        self.times.append((answer.started, answer.seconds))
        if answer.status == 200:
            self._check(ask.about, answer.json())

    def _check(self, index: int, content: dict[str, Any]) -> None:
        version, prediction = content["version"], content["predictions"][0]
        self.versions[version] += 1
        is_right = prediction.get("label") == self.labels[version][index]
        self.wrong += not (is_right and abs(prediction["score"] - self.scores[index]) < SCORE_TOLERANCE)


@dataclass(frozen=True)
class Swap:
    kind: str
    started: float
    seconds: float


def main() -> None:
    options = parser("Promotions and rollbacks under load.", seconds=10)
    options.add_argument("--swaps", type=int, default=100, help="Swaps in all, after which memory is compared.")
    given = options.parse_args()
    setting = setting_of(given)
    with served(RETUNE, setting) as server:
        record("swaps", uvloop.run(swapped(server, setting, swaps=given.swaps)), given.results)


async def swapped(server: Server, setting: Setting, *, swaps: int) -> dict[str, Any]:
    registry = registry_of(server)
    outputs = setting.engine.answer(setting.mixed)
    first_labels = [setting.engine.labels[index] for index in outputs.predicted]
    labels = {"1": first_labels}
    for by in range(1, VERSIONS):
        package, other = renamed(setting, by)
        labels[registry.add(package, MODEL)] = [other[label] for label in first_labels]
    seen = Seen(labels, outputs.confidence.tolist())
    over = asyncio.Event()
    asks = [post(RETUNE.path, RETUNE.body(text), about=index) for index, text in enumerate(setting.mixed)]
    load = asyncio.create_task(
        closed_loop(server.port, cycle(asks), connections=CONNECTIONS, on_answer=seen.keep, is_over=over.is_set)
    )
    await asyncio.sleep(setting.seconds)
    done, resident = [], {}
    for number in range(1, swaps + 1):
        done.append(await (_roll_back if _is_rollback(number) else _promote)(server, _next(server)))
        if number in (EARLY, PROMOTIONS + ROLLBACKS, swaps):
            resident[str(number)] = _resident_mb(await _workers(server))
    await asyncio.sleep(setting.seconds)
    over.set()
    await load
    return summarized(seen, done, resident)


def summarized(seen: Seen, swaps: list[Swap], resident: dict[str, list[int]]) -> dict[str, Any]:
    counted = swaps[: PROMOTIONS + ROLLBACKS]
    during, steady = list[float](), list[float]()
    for started, seconds in seen.times:
        is_during = any(started < swap.started + swap.seconds and swap.started < started + seconds for swap in swaps)
        (during if is_during else steady).append(seconds)
    return {
        "swaps": len(swaps),
        "promotion_s": _seconds(counted, "promotion"),
        "rollback_s": _seconds(counted, "rollback"),
        "statuses": {str(status): count for status, count in sorted(seen.statuses.items())},
        "answers_by_version": dict(seen.versions),
        "wrong": seen.wrong,
        "p99_ms": {"steady": percentile(steady, 99), "during": percentile(during, 99)},
        "worker_resident_mb": resident,
    }


def _is_rollback(number: int) -> bool:
    return number % ROLLBACK_EVERY == 0


def _next(server: Server) -> str:
    return str(int(registry_of(server).champion(MODEL).version) % VERSIONS + 1)


async def _promote(server: Server, version: str) -> Swap:
    return await _swap(server, "promotion", lambda: registry_of(server).promote(MODEL, version).version)


async def _roll_back(server: Server, _: str) -> Swap:
    return await _swap(server, "rollback", lambda: registry_of(server).roll_back(MODEL).version)


async def _swap(server: Server, kind: str, change: Callable[[], str]) -> Swap:
    """From the call until every worker answers with the new version."""
    started = time.perf_counter()
    version = await asyncio.to_thread(change)
    while any(worker["version"] != version for worker in await _workers(server)):
        if time.perf_counter() - started > SWAP_TIMEOUT_S:
            raise SystemExit(f"The workers had not taken version {version} after {SWAP_TIMEOUT_S:g} s.")
        await asyncio.sleep(0.02)
    return Swap(kind, started, time.perf_counter() - started)


async def _workers(server: Server) -> list[dict[str, Any]]:
    connection = await connect(server.port)
    answer = await connection.ask(get(f"/admin/models/{MODEL}"))
    connection.close()
    found: list[dict[str, Any]] = answer.json()["workers"]
    return found


def _resident_mb(workers: list[dict[str, Any]]) -> list[int]:
    return [round(psutil.Process(worker["pid"]).memory_info().rss / MB) for worker in workers]


def _seconds(swaps: list[Swap], kind: str) -> dict[str, float] | None:
    found = [swap.seconds for swap in swaps if swap.kind == kind]
    return {"count": len(found), "median": round(median(found), 2), "max": round(max(found), 2)} if found else None


if __name__ == "__main__":
    main()
