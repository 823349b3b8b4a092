"""A bounded queue with a thread that handles its items, so that requests do not wait for logs, metrics and records."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")


class QueueThread(Generic[Item]):
    """Passes items to `handle` in their order, at most `batch` at a time."""

    def __init__(
        self,
        name: str,
        handle: Callable[[Sequence[Item]], None],
        *,
        size: int,
        pause_s: float,
        batch: int | None = None,
        wake_at: int | None = None,
    ) -> None:
        """The thread handles the queue every `pause_s` seconds, and at once when `wake_at` items wait.

        `handle` must not raise. Items count towards `size` until it returns.
        """
        self._handle = handle
        self._size = size
        self._pause_s = pause_s
        self._batch = batch or size
        self._wake_at = wake_at
        self._items: deque[Item] = deque()
        self._being_handled = 0
        self._handled = 0
        self._progress = threading.Condition()
        # Not an Event: its lock could block `put`.
        self._wake_ups: SimpleQueue[None] = SimpleQueue()
        self.closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float | None = None) -> bool:
        """Handle the waiting items, then end the thread; False after `timeout_s`."""
        self.closing.set()
        self.wake()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        return len(self._items) + self._being_handled

    def put(self, item: Item) -> bool:
        """False if the queue is full. Takes no lock: a destructor may call it while another call runs."""
        waiting = len(self._items) + self._being_handled
        if waiting >= self._size:
            return False
        self._items.append(item)
        if self._wake_at is not None and waiting + 1 >= self._wake_at:
            self._wake_ups.put(None)
        return True

    def wake(self) -> None:
        """Let the thread handle the queue now."""
        self._wake_ups.put(None)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all items put so far are handled; False after `timeout_s`."""
        if not self._thread.is_alive():
            self._handle_all()
            return True
        with self._progress:
            wanted = self._handled + self.waiting
            self.wake()
            return self._progress.wait_for(lambda: self._handled >= wanted, timeout_s)

    def clear(self) -> int:
        """Drop the items not yet passed to `handle`; returns their number."""
        with self._progress:
            count = len(self._items)
            self._items.clear()
            self._handled += count
            return count

    def _run(self) -> None:
        while not self.closing.is_set():
            with suppress(Empty):
                self._wake_ups.get(timeout=self._pause_s)
                while True:
                    self._wake_ups.get_nowait()
            self._handle_all()
        self._handle_all()

    def _handle_all(self) -> None:
        while batch := self._next_batch():
            self._handle(batch)
            with self._progress:
                self._being_handled = 0
                self._handled += len(batch)
                self._progress.notify_all()

    def _next_batch(self) -> list[Item]:
        with self._progress:
            batch = [self._items.popleft() for _ in range(min(self._batch, len(self._items)))]
            self._being_handled = len(batch)
        return batch
