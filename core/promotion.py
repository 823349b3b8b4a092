"""A change of champion, complete when every running server answers with it, or without effect."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from core.errors import PromotionSlow, VersionRefused
from core.registry import Champion, Registry
from core.roster import Standing, WorkerStanding, living_workers
from core.verification import verify_contents

# A worker loads a version in about a second; many of them on few cores take turns.
TIMEOUT_S = 60.0
PAUSE_S = 0.02


def promote(registry: Registry, model: str, version: str, *, home: Path, timeout_s: float = TIMEOUT_S) -> Champion:
    """Put a version in service; returns when each worker of the servers over `home` answers with it.

    Raises `CorruptPackage` before anything changes, `VersionRefused` when a worker cannot load it (the
    champion before is then the champion again), `PromotionSlow` when one has not said anything in time.
    """
    verify_contents(registry.verified_folder(model, version))
    before = registry.pointer(model)
    champion = registry.promote(model, version)
    _follow_up(registry, model, champion, before, home, timeout_s)
    return champion


def roll_back(registry: Registry, model: str, *, home: Path, timeout_s: float = TIMEOUT_S) -> Champion:
    """As `promote`, of the champion before this one."""
    before = registry.champion(model)
    champion = registry.roll_back(model)
    _follow_up(registry, model, champion, before, home, timeout_s)
    return champion


def _follow_up(
    registry: Registry, model: str, champion: Champion, before: Champion | None, home: Path, timeout_s: float
) -> None:
    try:
        _wait(model, champion, home, timeout_s)
    except VersionRefused:
        if before is not None and registry.pointer(model) == champion:
            registry.point_back(model, before)
        raise


def _wait(model: str, champion: Champion, home: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while waiting := _behind(living_workers(home), model, champion):
        refused = next((standing for standing in waiting if standing and standing.failed == champion.version), None)
        if refused is not None:
            raise VersionRefused(model, champion.version, str(refused.error), refused.version)
        if time.monotonic() > deadline:
            raise PromotionSlow(model, champion.version, len(waiting), timeout_s)
        time.sleep(PAUSE_S)


def _behind(workers: Iterable[WorkerStanding], model: str, champion: Champion) -> list[Standing | None]:
    """How the model stands where something else answers yet; a worker that is about to end does not count."""
    standings = [worker.models.get(model) for worker in workers if not worker.draining]
    return [
        standing
        for standing in standings
        if standing is None or (standing.version, standing.since) != (champion.version, champion.since)
    ]
