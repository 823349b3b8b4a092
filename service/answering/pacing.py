"""When the engine may answer background texts: those that no client waits for as for a prediction."""

from __future__ import annotations

SHARE = 0.03
"""Of the time, for background texts while others keep coming: the throughput of the others falls by little more."""
QUIET_S = 0.02
"""Without other texts for so long, background texts are answered at once."""


class Pacing:
    """Monotonic seconds everywhere. Written by the engine's thread and the event loop, one value each."""

    def __init__(self) -> None:
        self._quiet_at = self._due_at = 0.0

    def answered(self, now: float) -> None:
        """Texts of clients were answered until now."""
        self._quiet_at = now + QUIET_S

    def answered_background(self, now: float, seconds: float) -> None:
        """A call with background texts took `seconds` and ended now."""
        self._due_at = now + seconds * (1 / SHARE - 1)

    def is_due(self, now: float) -> bool:
        """Whether background texts may be answered before others that wait."""
        return now >= self._due_at

    def wait_s(self, now: float) -> float:
        """Seconds until background texts may be answered while no other waits; 0 if they may now.

        >>> pacing = Pacing()
        >>> pacing.answered(100.0)
        >>> pacing.answered_background(100.0, 0.006)
        >>> [round(pacing.wait_s(now), 3) for now in (100.0, 100.015, 100.02)]
        [0.02, 0.005, 0.0]
        >>> pacing.answered(100.19)  # others kept coming
        >>> round(pacing.wait_s(100.19), 3), pacing.wait_s(100.2)
        (0.004, 0.0)
        """
        return max(0.0, min(self._quiet_at, self._due_at) - now)
