"""What one client that has every text explained costs the others: their throughput with and without it, in turns.

python benchmarks/serving/explain.py [--seconds 8] [--rounds 6]
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from typing import Any

import numpy as np
import uvloop
from client import Answer, Ask, closed_loop, connect, post
from results import percentile, record
from setting import Setting, parser, setting_of
from systems import RETUNE, Server, served

CONNECTIONS = 64
OK = 200
RETRY_S = 1.0


def main() -> None:
    options = parser("Throughput of others beside a client that has every text explained.", seconds=8)
    options.add_argument("--rounds", type=int, default=6)
    given = options.parse_args()
    setting = setting_of(given)
    with served(RETUNE, setting) as server:
        facts = uvloop.run(beside(server, setting, given.rounds))
        record("explain", {"seconds": setting.seconds, "rounds": given.rounds, **facts}, given.results)


async def beside(server: Server, setting: Setting, rounds: int) -> dict[str, Any]:
    """Each round measures both, in an order that changes, so that a machine that slows down slows both alike."""
    plain = cycle([post(RETUNE.path, RETUNE.body(text)) for text in setting.short])
    explained = cycle([post(RETUNE.path, {**RETUNE.body(text), "explain": True}) for text in setting.mixed])
    await answers_per_s(server.port, plain, seconds=setting.seconds)
    alone, together, answers = list[float](), list[float](), list[Answer]()
    for number in range(rounds):
        for is_explaining in (number % 2 == 0, number % 2 == 1):
            if is_explaining:
                together.append(await with_explainer(server.port, plain, explained, answers, setting.seconds))
            else:
                alone.append(await answers_per_s(server.port, plain, seconds=setting.seconds))
    at_rest: list[Answer] = []
    await closed_loop(
        server.port, explained, connections=1, on_answer=lambda _, answer: at_rest.append(answer), seconds=3
    )
    found = [explanation_of(answer) for answer in [*answers, *at_rest] if answer.status == OK]
    shares = [with_it / without for with_it, without in zip(together, alone, strict=True)]
    return {
        "connections": CONNECTIONS,
        "texts_per_s": {"alone": round(float(np.median(alone)), 1), "beside": round(float(np.median(together)), 1)},
        "share_left": {"median": round(float(np.median(shares)), 4), "rounds": [round(share, 4) for share in shares]},
        "explained": len(answers),
        "statuses": dict(Counter(str(answer.status) for answer in answers)),
        "late": sum("error" in explanation for explanation in found),
        "explained_ms": {
            name: {"p50": percentile(seconds, 50), "p99": percentile(seconds, 99)}
            for name, seconds in (
                ("under load", [answer.seconds for answer in answers if answer.status == OK]),
                ("at rest", [answer.seconds for answer in at_rest if answer.status == OK]),
            )
        },
        "rows": rows_of([explanation for explanation in found if "error" not in explanation]),
    }


async def answers_per_s(port: int, asks: Iterator[Ask], *, seconds: float) -> float:
    answered: Counter[int] = Counter()

    def note(_: Ask, answer: Answer) -> None:
        answered[answer.status] += 1

    took = await closed_loop(port, asks, connections=CONNECTIONS, on_answer=note, seconds=seconds)
    return answered[OK] / took


async def with_explainer(
    port: int, plain: Iterator[Ask], explained: Iterator[Ask], answers: list[Answer], seconds: float
) -> float:
    """Answers a second of the others while one connection has text after text explained."""
    is_over = asyncio.Event()
    explaining = asyncio.create_task(explain_all(port, explained, answers, is_over))
    per_s = await answers_per_s(port, plain, seconds=seconds)
    is_over.set()
    await explaining
    return per_s


async def explain_all(port: int, explained: Iterator[Ask], answers: list[Answer], is_over: asyncio.Event) -> None:
    """Text after text; after a refusal it waits as long as `Retry-After` says at least."""
    connection = await connect(port)
    while not is_over.is_set():
        if not connection.is_open:
            connection = await connect(port)
        answers.append(await connection.ask(next(explained)))
        if answers[-1].status != OK:
            with suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), RETRY_S)
    connection.close()


def explanation_of(answer: Answer) -> dict[str, Any]:
    explanation: dict[str, Any] = answer.json()["predictions"][0]["explanation"]
    return explanation


def rows_of(explanations: list[dict[str, Any]]) -> dict[str, Any]:
    """Engine rows of an explained text, its own prediction included, and whether they are at most 1 + its words."""
    rows = [1 + explanation["rows"] for explanation in explanations]
    too_many = [
        row > 1 + len(explanation["parts"]) * explanation["words_per_part"]
        for row, explanation in zip(rows, explanations, strict=True)
    ]
    return {"median": float(np.median(rows)), "max": max(rows), "more_than_words": sum(too_many)}


if __name__ == "__main__":
    main()
