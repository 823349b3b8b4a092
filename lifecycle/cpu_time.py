"""CPU time of this process and of its children that ended, since a begin."""

from __future__ import annotations

import os


class CpuTime:
    def __init__(self, before_s: float = 0.0) -> None:
        """`before_s`: what was used before the begin, which is now."""
        self._begun_s = _process_s() - before_s

    @property
    def used_s(self) -> float:
        return _process_s() - self._begun_s


def _process_s() -> float:
    """Of all threads, and of children that were waited for; in user and in system mode."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
