from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from core.engine import Answering
from lifecycle.release.side_by_side import slowdown


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def engine(clock: Clock, takes: Callable[[int], float]) -> Answering:
    """An engine whose n-th call takes so many seconds."""

    class Timed:
        calls = 0

        def answer(self, texts: Sequence[Any]) -> None:
            clock.now_s += takes(self.calls) * len(texts)
            self.calls += 1

    return cast(Answering, Timed())


def test_the_ratio_of_two_versions_is_that_of_their_shortest_times() -> None:
    clock = Clock()
    slow, fast = engine(clock, lambda call: 3 + call % 3), engine(clock, lambda call: 1 + call % 2)
    assert slowdown(slow, fast, ["a", "b"], clock=clock) == 3


def test_a_busy_machine_slows_both_versions() -> None:
    clock = Clock()
    first, second = (engine(clock, lambda call: 50 if call == 1 else 2) for _ in range(2))
    assert slowdown(first, second, ["a"], clock=clock) == 1
