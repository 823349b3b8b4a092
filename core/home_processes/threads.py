"""Threads of the worker: what its jobs leave to the servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_info, threadpool_limits

from core.config import Config
from core.cpu import available_cpus, limited_cpus
from core.home_processes.server_workers import living_server_workers


def worker_threads(config: Config) -> int:
    """As configured; by default one for each core, but one core is left to a server of this home that runs."""
    cores = available_cpus()
    if config.worker.threads:
        return min(config.worker.threads, cores)
    return max(1, cores - 1) if living_server_workers(config.home) else cores


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Within the context torch, BLAS and ONNX Runtime take at most `count` threads.

    torch and ONNX Runtime are given as many as cores are available; BLAS and OpenMP choose themselves when they are
    loaded. Fewer threads, e.g. by OMP_NUM_THREADS, stay as they are.
    """
    most = {kind: min(count, threads) for kind, threads in _threads_by_kind().items()}
    with limited_cpus(count), threadpool_limits(most):
        yield


def _threads_by_kind() -> dict[str, int]:
    """The most threads of the loaded libraries that are BLAS or OpenMP."""
    found: dict[str, int] = {}
    for library in threadpool_info():
        kind = library["user_api"]
        found[kind] = max(found.get(kind, 1), library["num_threads"])
    return found
