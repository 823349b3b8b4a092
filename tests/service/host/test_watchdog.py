from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from service.host.watchdog import TIMES, Watchdog


def test_a_worker_that_stays_missing_is_lost() -> None:
    counts = iter([2, *[1] * TIMES])
    watchdog = Watchdog(2, count=lambda: next(counts), end=lambda: None)
    assert [watchdog.look() for _ in range(1 + TIMES)] == [False] * TIMES + [True]


def test_a_worker_missing_from_the_first_count_is_lost() -> None:
    watchdog = Watchdog(2, count=lambda: 1, end=lambda: None)
    assert [watchdog.look() for _ in range(TIMES)] == [False] * (TIMES - 1) + [True]


def test_a_worker_that_comes_back_is_not_lost() -> None:
    counts = iter([2, 1, 1, 2, 1, 1])
    watchdog = Watchdog(2, count=lambda: next(counts), end=lambda: None)
    assert not any(watchdog.look() for _ in range(6))


def test_the_watchdog_goes_on_after_a_failed_count(monkeypatch: pytest.MonkeyPatch) -> None:
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
