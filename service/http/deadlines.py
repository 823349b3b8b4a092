"""The time limit of requests, with one timer for all: they have equal limits, so they expire in order of their start.

Setting and cancelling a timer for each request would take longer than encoding its response.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Deadline:
    """The deadline of one task. `has_passed`: it expired and the task was cancelled."""

    __slots__ = ("at_s", "has_passed", "task")

    def __init__(self, task: asyncio.Task[object] | None, at_s: float) -> None:
        self.task = task
        self.at_s = at_s
        self.has_passed = False

    def end(self) -> None:
        """The task has finished: do not cancel it."""
        self.task = None


class Deadlines:
    """Cancels tasks that take longer than `seconds`. If the event loop changes, pending deadlines are dropped."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pending: deque[Deadline] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_timer = False

    def begin(self) -> Deadline:
        """A deadline for the current task, `seconds` from now."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._pending, self._has_timer = loop, deque(), False
        deadline = Deadline(asyncio.current_task(), loop.time() + self._seconds)
        self._pending.append(deadline)
        self._drop_ended()
        self._set_timer(loop)
        return deadline

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._pending and not self._has_timer:
            self._has_timer = True
            loop.call_at(self._pending[0].at_s, self._cancel_overdue, loop)

    def _cancel_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        self._has_timer = False
        now = loop.time()
        while self._pending and self._pending[0].at_s <= now:
            deadline = self._pending.popleft()
            if deadline.task is not None:
                deadline.has_passed = True
                deadline.task.cancel()
        self._drop_ended()
        self._set_timer(loop)

    def _drop_ended(self) -> None:
        while self._pending and self._pending[0].task is None:
            self._pending.popleft()
