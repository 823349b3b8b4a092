"""Returns freed memory to the operating system after a version was dropped; malloc would keep it."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Takes some milliseconds. No effect unless the C library is glibc."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
