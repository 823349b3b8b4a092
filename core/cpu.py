"""Cores that this process may use. ONNX Runtime counts all cores of the host and ignores affinity and quotas."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.config import Config
from core.errors import TooManyWorkers

WORKERS_A_CORE = 8
# Flags of x86 and ARM processors. ONNX Runtime's kernels for 8 bits need one of them to be faster than float32.
BYTE_PRODUCTS = frozenset({"avx2", "avx_vnni", "avx512_vnni", "asimddp", "i8mm"})


_most_cpus = math.inf


def available_cpus() -> int:
    """Cores of the affinity mask, limited by the cgroup quota and `limited_cpus`; at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup"))
    return int(max(1, min(affinity, quota or affinity, _most_cpus)))


@contextmanager
def limited_cpus(count: int) -> Iterator[None]:
    """Within the context this process, all of its threads, takes no more than `count` cores for available."""
    global _most_cpus
    before, _most_cpus = _most_cpus, count
    try:
        yield
    finally:
        _most_cpus = before


def worker_count(config: Config) -> int:
    """Worker processes of a server: as configured, by default one per core."""
    return config.service.workers or available_cpus()


def require_few_workers(config: Config) -> None:
    """Raises `TooManyWorkers`: a worker process takes at least 250 MB, so hundreds would exhaust the memory."""
    cores = available_cpus()
    if worker_count(config) > (most := cores * WORKERS_A_CORE):
        raise TooManyWorkers(worker_count(config), cores, most)


def engine_threads(config: Config) -> int:
    """Engine threads of one worker process: the available cores are divided between the worker processes."""
    return max(1, available_cpus() // worker_count(config))


def multiplies_bytes() -> bool:
    """Whether the processor has vector instructions for products of bytes; True on a system that does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True
    flags = {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
    return not flags or not flags.isdisjoint(BYTE_PRODUCTS)


def use_batch_scheduling() -> None:
    """Schedule the calling thread under SCHED_BATCH (Linux): when it wakes up, it does not preempt another thread.

    Without it, an event loop that shares its core with an engine interrupts the engine at every request, while the
    caches contain the engine's weights. With it, the event loop wakes up later and handles several requests together:
    4 % more texts a second at 64 connections, 8 % at one.
    """
    with suppress(AttributeError, OSError):  # another system, or not permitted
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _cgroup_quota(root: Path) -> int | None:
    """Cores of the quota of cgroup v2 (`cpu.max`) or v1, rounded up; None if there is no quota."""
    try:
        if (root / "cpu.max").exists():
            quota, period = (root / "cpu.max").read_text().split()
        else:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text().strip()
    except (OSError, ValueError):
        return None
    if quota in ("max", "-1"):
        return None
    return max(1, math.ceil(int(quota) / int(period)))
