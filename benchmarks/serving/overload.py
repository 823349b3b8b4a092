"""Five times what the server can do, at a rate that does not wait for it; then normal load again.

python benchmarks/serving/overload.py [--seconds 60]
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
import uvloop
from client import Answer, Ask, OpenLoop, closed_loop, post
from results import percentile, record
from setting import Setting, parser, setting_of
from systems import RETUNE, Server, served

TIMES = 5
CAPACITY_CONNECTIONS, MAX_CONNECTIONS = 64, 6000
NORMAL_SHARE = 0.5
WINDOW_S, CALM_WINDOWS, NEAR, WATCHED_S = 0.25, 4, 1.5, 40.0


def main() -> None:
    given = parser("Five times the capacity, then normal load.", seconds=60).parse_args()
    setting = setting_of(given)
    # A collection over all the answers there are stops the clock for 0.2 s; between the phases, too, answers come.
    gc.disable()
    with served(RETUNE, setting) as server:
        record("overload", uvloop.run(overloaded(server, setting)), given.results)


async def overloaded(server: Server, setting: Setting) -> dict[str, Any]:
    asks = [post(RETUNE.path, RETUNE.body(text)) for text in setting.mixed]
    calm_s = max(2.0, setting.seconds / 6)
    capacity = await capacity_of(server.port, asks, seconds=calm_s)
    before = await normal(server.port, asks, capacity, seconds=calm_s)
    flood, answers = await flooded(server.port, asks, capacity, seconds=setting.seconds)
    # Not drained first: the answers still under way are what a client who comes now has to wait for.
    started = time.perf_counter()
    after = await normal(server.port, asks, capacity, seconds=WATCHED_S)
    await flood.drain(seconds=60)
    usual = float(np.median([answer.seconds for answer in before]))
    return {
        "seconds": setting.seconds,
        "capacity_per_s": round(capacity, 1),
        **summarized(answers, capacity, setting.seconds),
        "unsent": flood.unsent,
        "connections": flood.connections,
        "generator": {"late_ms": round(1000 * flood.late_s, 1), "core_share": round(flood.cpu_share, 3)},
        "normal_ms": {"before": percentile([answer.seconds for answer in before], 50), "after": _last(after)},
        "normal_again_s": normal_again(after, since=started, usual=usual),
        "normal_statuses": statuses([*before, *after]),
    }


async def capacity_of(port: int, asks: Sequence[Ask], *, seconds: float) -> float:
    """Right answers a second of a closed loop, after as long a warm-up."""
    for _ in range(2):
        answers: list[Answer] = []
        took = await closed_loop(
            port,
            cycle(asks),
            connections=CAPACITY_CONNECTIONS,
            on_answer=partial(_keep, answers),
            seconds=seconds,
        )
    return sum(answer.status == 200 for answer in answers) / took


def _keep(answers: list[Answer], _: Ask, answer: Answer) -> None:
    answers.append(answer)


async def normal(port: int, asks: Sequence[Ask], capacity: float, *, seconds: float) -> list[Answer]:
    """Half the capacity, at a rate that does not wait either."""
    answers: list[Answer] = []
    loop = OpenLoop(
        port, cycle(asks), max_connections=MAX_CONNECTIONS, on_answer=lambda _, found: answers.append(found)
    )
    await loop.run(rate=capacity * NORMAL_SHARE, seconds=seconds)
    await loop.drain(seconds=60)
    return answers


async def flooded(port: int, asks: Sequence[Ask], capacity: float, *, seconds: float) -> tuple[OpenLoop, list[Answer]]:
    answers: list[Answer] = []

    def keep(_: Ask, answer: Answer) -> None:
        answer.body = b""
        answers.append(answer)

    loop = OpenLoop(port, cycle(asks), max_connections=MAX_CONNECTIONS, on_answer=keep)
    await loop.open()
    await loop.run(rate=capacity * TIMES, seconds=seconds)
    return loop, answers


def summarized(answers: Sequence[Answer], capacity: float, seconds: float) -> dict[str, Any]:
    refused = [answer for answer in answers if answer.status == 429]
    begun = min(answer.started for answer in answers)
    in_time = [answer for answer in answers if answer.started + answer.seconds < begun + seconds]
    served_ok = [answer for answer in in_time if answer.status == 200]
    return {
        "statuses": statuses(answers),
        "refused_without_retry_after": sum(not answer.has(b"Retry-After") for answer in refused),
        "refused_ms": {
            "p99": percentile([answer.seconds for answer in refused], 99),
            "max": percentile([answer.seconds for answer in refused], 100),
        },
        "answered_ms": {
            "p50": percentile([answer.seconds for answer in served_ok], 50),
            "p99": percentile([answer.seconds for answer in served_ok], 99),
        },
        "goodput_share": round(len(served_ok) / seconds / capacity, 3),
    }


def normal_again(answers: Sequence[Answer], *, since: float, usual: float) -> float | None:
    """Seconds until the first second whose windows all have a median within 1.5 times the usual; None: never."""
    windows: dict[int, list[float]] = {}
    for answer in answers:
        windows.setdefault(int((answer.started - since) / WINDOW_S), []).append(answer.seconds)
    near = {number for number, seconds in windows.items() if np.median(seconds) <= NEAR * usual}
    calm = (number for number in sorted(near) if near.issuperset(range(number, number + CALM_WINDOWS)))
    first = next(calm, None)
    return None if first is None else round(first * WINDOW_S, 2)


def statuses(answers: Sequence[Answer]) -> dict[str, int]:
    """How often each; "0" is a request without a complete answer."""
    return {str(status): count for status, count in sorted(Counter(answer.status for answer in answers).items())}


def _last(answers: Sequence[Answer]) -> float | None:
    """Median of the last quarter."""
    ordered = sorted(answers, key=lambda answer: answer.started)
    return percentile([answer.seconds for answer in ordered[-len(ordered) // 4 :]], 50)


if __name__ == "__main__":
    main()
