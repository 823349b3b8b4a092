"""How many cores this process may use: ONNX Runtime looks at the host's and ignores the rest."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from core.config import Config
from core.errors import TooManyWorkers

WORKERS_A_CORE = 8


def available_cpus() -> int:
    """Cores from the affinity mask, capped by the cgroup quota; at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup"))
    return max(1, min(affinity, quota or affinity))


def worker_count(config: Config) -> int:
    """Worker processes of a server: as configured, else one a core."""
    return config.service.workers or available_cpus()


def require_few_workers(config: Config) -> None:
    """Raises `TooManyWorkers`: each takes a quarter of a gigabyte and more, so that hundreds end the machine."""
    cores = available_cpus()
    if worker_count(config) > (most := cores * WORKERS_A_CORE):
        raise TooManyWorkers(worker_count(config), cores, most)


def engine_threads(config: Config) -> int:
    """Threads of each worker's engine, so that all workers together use the cores once."""
    return max(1, available_cpus() // worker_count(config))


def use_batch_scheduling() -> None:
    """Let the calling thread, when it wakes, wait until the one that runs has had its turn (SCHED_BATCH, Linux).

    An event loop that shares its core with an engine is woken by each request, and finds the caches full of the
    engine's weights. A little later it finds several requests, and goes through its own code once for all of them:
    4 % more texts a second at 64 connections, 8 % at one.
    """
    with suppress(AttributeError, OSError):  # another system, or one that does not let us
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _cgroup_quota(root: Path) -> int | None:
    """Whole cores of the quota, rounded up, of cgroup v2 (`cpu.max`) or v1; None without one."""
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
