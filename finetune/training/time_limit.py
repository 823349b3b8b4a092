"""Time limit of a training."""

from __future__ import annotations

import math

from finetune.task import Task


class TimeLimit:
    """Ends `reserve_s` seconds before the end of the task's time, for the work that follows the training."""

    def __init__(self, task: Task, *, reserve_s: float) -> None:
        self._task, self._reserve_s = task, reserve_s
        self._total_s, self._done_before = math.inf, 0.0

    def start(self, *, done_before: float) -> None:
        """Measure from now; `done_before` is the share of the steps done before the run was resumed."""
        self._total_s, self._done_before = self._left_s, done_before

    @property
    def is_over(self) -> bool:
        return self._task.left_s <= self._reserve_s

    @property
    def used(self) -> float:
        """Share of the time limit used so far, 0..1; a resumed run begins at `done_before`. 0 without a budget."""
        if not self._task.has_budget:
            return 0.0
        left = self._left_s / max(self._total_s, 1e-9)
        return self._done_before + (1 - self._done_before) * (1 - min(1.0, max(0.0, left)))

    @property
    def _left_s(self) -> float:
        return self._task.left_s - self._reserve_s
