"""Threads of BLAS, the library behind numpy's matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products within the block, or the decorated function, take one thread (docs/decisions/0011)."""
    with threadpool_limits(1, user_api="blas"):
        yield
