"""The end of a process whose parent has died."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Let the kernel send the signal to this process when its parent dies, even by `kill -9`; on Linux only."""
    with suppress(AttributeError):
        _LIBC.prctl(PR_SET_PDEATHSIG, int(number))


def end_if_orphan(parent: int) -> None:
    """To be called after `end_with_parent`: the parent may have died before."""
    if os.getppid() != parent:
        os._exit(1)
