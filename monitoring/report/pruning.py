"""Deletes old reports and snapshots."""

from __future__ import annotations

from pathlib import Path

AT_ONCE = 20
"""A check waits for the disk: 3 ms a file, and up to 6 s for two thousand at once."""


def make_room(new: Path, *, kept: int) -> None:
    """Delete files beside `new` with its suffix, the first in alphabetical order, so that with it `kept` are left.

    Of a longer backlog, each call deletes a part.
    """
    others = sorted(path for path in new.parent.glob(f"*{new.suffix}") if path != new)
    surplus = max(len(others) - (kept - 1), 0)
    for old in others[: min(surplus, AT_ONCE)]:
        old.unlink(missing_ok=True)
