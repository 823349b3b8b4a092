"""Estimates how long a stage still takes, for display only."""

from __future__ import annotations


class TimeLeft:
    """Extrapolates the share that was done since the part began.

    A part is what shares count up to 1: a stage, or the stages with the same word before a colon. It begins anew when
    that word changes or the share falls.
    """

    def __init__(self) -> None:
        self._part: str | None = None
        self._first, self._last, self._began_s = 0.0, 0.0, 0.0

    def after(self, stage: str, share: float, *, now_s: float) -> float | None:
        """Seconds until the part is done; None as long as no progress shows its speed.

        >>> left = TimeLeft()
        >>> left.after("export: Quantizing", 0.2, now_s=100.0), left.after("export: Measuring", 0.6, now_s=108.0)
        (None, 8.0)
        >>> left.after("gate", 0.0, now_s=109.0)
        """
        part = stage.partition(":")[0]
        if part != self._part or share < self._last:
            self._part, self._first, self._began_s = part, share, now_s
        self._last = share
        done = share - self._first
        return (now_s - self._began_s) / done * (1 - share) if done > 0 else None
