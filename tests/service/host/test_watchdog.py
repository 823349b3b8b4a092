from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from service.host.watchdog import TIMES, Watchdog


def test_a_neighbour_that_stays_away_is_noticed() -> None:
    counts = iter([2, *[1] * TIMES])
    watchdog = Watchdog(2, count=lambda: next(counts), end=lambda: None)
    assert [watchdog.look() for _ in range(1 + TIMES)] == [False] * TIMES + [True]


def test_one_that_was_lost_before_the_first_look_is_noticed() -> None:
    watchdog = Watchdog(2, count=lambda: 1, end=lambda: None)
    assert [watchdog.look() for _ in range(TIMES)] == [False] * (TIMES - 1) + [True]


def test_one_that_comes_back_is_forgiven() -> None:
    counts = iter([2, 1, 1, 2, 1, 1])
    watchdog = Watchdog(2, count=lambda: next(counts), end=lambda: None)
    assert not any(watchdog.look() for _ in range(6))


def test_to_be_unable_to_count_for_once_is_no_reason_to_look_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.host.watchdog.PAUSE_S", 0.01)
    counts: Iterator[int | OSError] = iter([2, OSError(24, "Too many open files"), *[1] * TIMES])
    ended = threading.Event()

    def count() -> int:
        counted = next(counts)
        if isinstance(counted, OSError):
            raise counted
        return counted

    Watchdog(2, count=count, end=ended.set).start()
    assert ended.wait(10)
