"""When a process that ended is started again."""

from __future__ import annotations

STEADY_S = 30.0
"""A process that ran so long did not fail at its start."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


def failures_after(failures: int, *, ran_s: float) -> int:
    """The number of early ends in a row, after one more end.

    >>> failures_after(3, ran_s=1.0), failures_after(3, ran_s=60.0)
    (4, 1)
    """
    return 1 if ran_s >= STEADY_S else failures + 1


def pause_s(failures: int) -> float:
    """Seconds before the next start: they double with each early end in a row.

    >>> [pause_s(failures) for failures in (1, 2, 3, 7, 100)]
    [0.5, 1.0, 2.0, 30.0, 30.0]
    """
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16))
