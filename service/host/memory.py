"""Memory that the C library keeps after a version was dropped, given back to the system."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Costs some milliseconds. Without effect where the C library is not glibc."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
