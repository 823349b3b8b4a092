"""Which processes of a home run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.home_processes.server_workers import ServerWorkerStatus
from core.home_processes.supervision import Supervision
from core.ledger_tables.heartbeats import Heartbeat
from core.overview.facts import Process, Processes, Server


def processes_of(
    workers: Sequence[ServerWorkerStatus], beats: Sequence[Heartbeat] | None, up: Supervision | None = None
) -> Processes:
    """`beats`: None if the ledger is away, so that whether a monitor or a worker runs is not known."""
    counts = Counter(worker.server for worker in workers if not worker.draining)
    gateway = [Server(name, count) for name, count in sorted(counts.items())]
    running = [beat for beat in beats or [] if beat.is_running]
    monitor, worker = ([_process(beat) for beat in running if beat.role == role] for role in ("monitor", "worker"))
    found = {"gateway": gateway, "monitor": monitor, "worker": worker}
    known = found if beats is not None else {"gateway": gateway}
    return Processes(gateway, monitor, worker, [role for role, these in known.items() if not these], up)


def _process(beat: Heartbeat) -> Process:
    return Process(beat.owner, beat.started_at, beat.seen_at)
