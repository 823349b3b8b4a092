from __future__ import annotations

from service.watchdog import TIMES, Watchdog


def test_a_neighbour_that_stays_away_is_noticed() -> None:
    counts = iter([1, 2, *[1] * TIMES])
    watchdog = Watchdog(lambda: next(counts), end=lambda: None)
    assert [watchdog.look() for _ in range(2 + TIMES)] == [False] * (1 + TIMES) + [True]


def test_one_that_comes_back_is_forgiven() -> None:
    counts = iter([2, 1, 1, 2, 1, 1])
    watchdog = Watchdog(lambda: next(counts), end=lambda: None)
    assert not any(watchdog.look() for _ in range(6))
