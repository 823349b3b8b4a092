"""Times two versions on the same texts in turn, so that a busy machine slows both of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

from core.datasets import Text
from core.engine import Answering

ROUNDS = 5


def slowdown(
    now: Answering, before: Answering, texts: Sequence[Text], *, clock: Callable[[], float] = time.perf_counter
) -> float:
    """How many times as long `now` takes for the same texts as `before`: the median over texts of the ratio of the
    shortest times, each text alone, as most requests have it.
    """
    return median(_shortest(now, before, [text], clock) for text in texts)


def _shortest(now: Answering, before: Answering, texts: Sequence[Text], clock: Callable[[], float]) -> float:
    """The ratio of the shortest times: what else runs only adds to a time."""
    times: tuple[list[float], list[float]] = [], []
    for _ in range(ROUNDS):
        for taken, engine in zip(times, (now, before), strict=True):
            begun = clock()
            engine.answer(texts)
            taken.append(clock() - begun)
    return min(times[0]) / max(min(times[1]), 1e-9)
