from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from service.host.queue_thread import QueueThread


class Handler:
    """Records its batches. Blocks until `free` is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, items: Sequence[int]) -> None:
        self.free.wait(10)
        self.batches.append(list(items))


@pytest.fixture
def handler() -> Handler:
    return Handler()


def test_items_are_handled_in_order_and_in_batches(handler: Handler) -> None:
    queue = QueueThread("test", handler, size=100, pause_s=60, batch=4)
    for number in range(10):
        assert queue.put(number)
    queue.start()
    assert queue.flush(10)
    assert handler.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert queue.waiting == 0
    assert queue.close(10)


def test_a_full_queue_refuses_items_and_counts_those_being_handled(handler: Handler) -> None:
    handler.free.clear()
    queue = QueueThread("test", handler, size=3, pause_s=60, wake_at=1)
    queue.start()
    assert [queue.put(number) for number in range(5)] == [True, True, True, False, False]
    assert not queue.flush(0.05)
    assert queue.waiting == 3
    handler.free.set()
    assert queue.flush(10)
    assert queue.put(5)
    assert queue.close(10)
    assert sum(handler.batches, []) == [0, 1, 2, 5]


def test_the_thread_wakes_when_enough_items_wait(handler: Handler) -> None:
    handled = threading.Event()
    queue = QueueThread[int]("test", lambda _: handled.set(), size=100, pause_s=600, wake_at=3)
    queue.start()
    for number in range(3):
        queue.put(number)
    assert handled.wait(10)
    assert queue.close(10)


def test_flush_handles_items_itself_without_the_thread(handler: Handler) -> None:
    queue = QueueThread("test", handler, size=10, pause_s=60)
    queue.put(1)
    assert queue.flush()
    assert handler.batches == [[1]]


def test_cleared_items_are_not_handled(handler: Handler) -> None:
    queue = QueueThread("test", handler, size=10, pause_s=60)
    queue.put(1)
    assert queue.clear() == 1
    queue.start()
    assert queue.close(10)
    assert handler.batches == []
