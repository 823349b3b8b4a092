"""What Linux tells of a process in /proc."""

from __future__ import annotations

from pathlib import Path


def stat_of(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, which is the third one there; None if the process is gone, or on
    another system.
    """
    try:
        # The name of the command before them may have blanks and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
