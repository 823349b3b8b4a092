"""One time limit for all requests, kept with one timer: the first to begin is the first whose time is up.

A timer of its own for each, set and cancelled, costs a request more than its answer's JSON.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Deadline:
    """Of one task; `has_passed`: the task was cancelled for it."""

    __slots__ = ("at_s", "has_passed", "task")

    def __init__(self, task: asyncio.Task[object] | None, at_s: float) -> None:
        self.task = task
        self.at_s = at_s
        self.has_passed = False

    def end(self) -> None:
        """The task has done in time what it had to do."""
        self.task = None


class Deadlines:
    """Cancels tasks that take longer than `seconds`. Belongs to the event loop that runs, and follows another one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: deque[Deadline] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_armed = False

    def begin(self) -> Deadline:
        """For the current task, from now on."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._open, self._is_armed = loop, deque(), False
        deadline = Deadline(asyncio.current_task(), loop.time() + self._seconds)
        self._open.append(deadline)
        self._drop_ended()
        self._arm(loop)
        return deadline

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._open and not self._is_armed:
            self._is_armed = True
            loop.call_at(self._open[0].at_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        self._is_armed = False
        now = loop.time()
        while self._open and self._open[0].at_s <= now:
            deadline = self._open.popleft()
            if deadline.task is not None:
                deadline.has_passed = True
                deadline.task.cancel()
        self._drop_ended()
        self._arm(loop)

    def _drop_ended(self) -> None:
        while self._open and self._open[0].task is None:
            self._open.popleft()
