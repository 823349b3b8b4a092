"""One item in twenty cannot be answered: its neighbours must not notice.

python benchmarks/serving/poison.py [--requests 10000]
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvloop
from client import Answer, Ask, closed_loop, post
from results import record
from setting import Setting, parser, setting_of
from systems import RETUNE, served

CONNECTIONS, ITEMS, POISON_EVERY, SURROGATE_EVERY = 32, 5, 20, 100
POISON: list[Any] = [None, 7, ["a", "list"], {"text": "object"}, "", "   ", "word " * 5000, "with \0 inside"]
LONE_SURROGATE = b'{"texts": ["a good one", "\\ud800", "another good one"]}'


@dataclass
class Seen:
    """`expected`: the label of each text by the engine alone."""

    expected: dict[str, str]
    counts: Counter[str] = field(default_factory=Counter)
    surrogates: Counter[str] = field(default_factory=Counter)

    def keep(self, ask: Ask, answer: Answer) -> None:
        if ask.about is None:
            self.surrogates[str(answer.status)] += 1
            return
        self.counts["requests"] += 1
        if answer.status != 200:
            self.counts["requests_not_200"] += 1
            return
        for item, prediction in zip(ask.about, answer.json()["predictions"], strict=True):
            self._count(item, prediction)

    def _count(self, item: Any, prediction: dict[str, Any]) -> None:
        is_good = isinstance(item, str) and item in self.expected
        self.counts["good" if is_good else "poison"] += 1
        if is_good:
            self.counts["good_failed"] += "error" in prediction
            self.counts["good_wrong"] += (
                prediction.get("label", "") != self.expected[item] and "error" not in prediction
            )
        else:
            self.counts["poison_without_error"] += "error" not in prediction


def main() -> None:
    options = parser("One item in twenty cannot be answered.", seconds=0)
    options.add_argument("--requests", type=int, default=10_000)
    given = options.parse_args()
    setting = setting_of(given)
    predicted = setting.engine.answer(setting.mixed).predicted
    labels = (setting.engine.labels[index] for index in predicted)
    seen = Seen(dict(zip(setting.mixed, labels, strict=True)))
    with served(RETUNE, setting) as server:
        asks = requests(setting, given.requests)
        uvloop.run(closed_loop(server.port, asks, connections=CONNECTIONS, on_answer=seen.keep))
    counts = {name: seen.counts[name] for name in ("requests_not_200", "good_failed", "good_wrong")}
    facts = {"items_a_request": ITEMS, **counts, **seen.counts, "lone_surrogate_statuses": dict(seen.surrogates)}
    record("poison", facts, given.results)


def requests(setting: Setting, count: int) -> Iterator[Ask]:
    """Requests of five items, one item in twenty poisoned, at random; beside them bodies with a lone surrogate."""
    random = np.random.default_rng(0)
    texts = setting.mixed
    for number in range(count):
        items: list[Any] = [texts[index] for index in random.integers(len(texts), size=ITEMS)]
        for place in np.flatnonzero(random.random(ITEMS) < 1 / POISON_EVERY):
            items[place] = POISON[random.integers(len(POISON))]
        yield post(RETUNE.path, json.dumps({"texts": items}).encode(), about=items)
        if number % SURROGATE_EVERY == 0:
            yield post(RETUNE.path, LONE_SURROGATE)


if __name__ == "__main__":
    main()
