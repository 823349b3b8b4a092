"""Ten thousand answers of the loaded server against the engine's alone.

python benchmarks/serving/equality.py [--texts 10000]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import uvloop
from client import Answer, Ask, closed_loop, post
from results import record
from setting import LONG_EVERY, Setting, parser, setting_of
from systems import RETUNE, Server, served

CONNECTIONS = 64


def main() -> None:
    options = parser("Answers of the loaded server against the engine's alone.", seconds=0)
    options.add_argument("--texts", type=int, default=10_000)
    given = options.parse_args()
    setting = setting_of(given)
    with served(RETUNE, setting) as server:
        record("equality", equal(server, setting, some(setting, given.texts)), given.results)


def some(setting: Setting, count: int) -> list[str]:
    """Distinct short texts with a long one in every tenth place."""
    long = setting.long
    return [
        long[place // LONG_EVERY % len(long)] if place % LONG_EVERY == 0 else text
        for place, text in enumerate(setting.every[:count])
    ]


def equal(server: Server, setting: Setting, texts: Sequence[str]) -> dict[str, Any]:
    answers: dict[int, Answer] = {}
    asks = (post(RETUNE.path, RETUNE.body(text), about=index) for index, text in enumerate(texts))

    def keep(ask: Ask, answer: Answer) -> None:
        answers[ask.about] = answer

    uvloop.run(closed_loop(server.port, asks, connections=CONNECTIONS, on_answer=keep))
    return {"texts": len(texts), **differences(setting, texts, [answers[index] for index in range(len(texts))])}


def differences(setting: Setting, texts: Sequence[str], answers: Sequence[Answer]) -> dict[str, Any]:
    failed = labels = 0
    largest = 0.0
    for text, answer in zip(texts, answers, strict=True):
        alone = setting.engine.answer([text])
        if answer.status != 200:
            failed += 1
            continue
        prediction = answer.json()["predictions"][0]
        labels += prediction["label"] != setting.engine.labels[int(alone.predicted[0])]
        probabilities = np.array([prediction["scores"][label] for label in setting.engine.labels])
        largest = max(largest, float(np.abs(probabilities - alone.probabilities[0]).max()))
    return {"failed": failed, "labels_changed": labels, "largest_move": largest}


if __name__ == "__main__":
    main()
