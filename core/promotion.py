"""Changes the champion and waits until every running server serves it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from core.change_words import NOT_LOADED
from core.durable import file_lock
from core.errors import (
    ChampionChanged,
    DriverMissing,
    LedgerUnreadable,
    PromotionSuperseded,
    PromotionTimeout,
    RefusedByGate,
    RolledBackByGuard,
    VerdictUnknown,
    VersionRefused,
)
from core.freezes import require_unfrozen
from core.home import Home
from core.home_processes.server_workers import ModelStatus, ServerWorkerStatus, living_server_workers
from core.ledger import Ledger
from core.ledger_tables.incidents import Incidents
from core.registry import Champion, Registry
from core.verification import verify_contents

# A server worker loads a version in about a second; with few cores they load it one after another.
TIMEOUT_S = 60.0
PAUSE_S = 0.02
POINTER_POLL_S = 0.5
"""Longer than `PAUSE_S`, because the pointer may be in a remote object store."""
ANY = ""
"""Whichever version is the champion; no version has this name."""
Expected = str | Champion | None
"""A version, or a pointer: that very promotion of it."""
OnChange = Callable[[Champion, Champion | None, bool], None]
"""(new champion, previous champion, whether the change undoes a refused promotion)"""


def promote(
    home: Home,
    model: str,
    version: str,
    *,
    forced: bool = False,
    expected: Expected = ANY,
    timeout_s: float = TIMEOUT_S,
    on_change: OnChange = lambda _new, _old, _is_undone: None,
) -> Champion:
    """Make a version the champion; returns when every server worker of this home serves it.

    `expected`: the champion now, None if there is none. `on_change` is called directly after each change of the
    pointer. Raises `CorruptPackage`, `ModelFrozen`, or `ChampionChanged` if another version is the champion, before
    any change; `VersionRefused` if a server worker cannot load the version, after restoring the previous champion;
    `PromotionTimeout` if a server worker does not serve the version in time (the version stays the champion);
    `PromotionSuperseded` if another version was made the champion in the meantime.
    """
    home.registry.require_model(model)
    verify_contents(home.registry.verified_folder(model, version))

    def set_pointer(before: Champion | None) -> Champion:
        if before is None or before.version != version:
            require_unfrozen(home.registry, model)
        return home.registry.promote(model, version, forced=forced)

    return _change(home, model, set_pointer, expected, timeout_s, on_change)


def roll_back(
    home: Home,
    model: str,
    *,
    expected: Expected = ANY,
    timeout_s: float = TIMEOUT_S,
    on_change: OnChange = lambda _new, _old, _is_undone: None,
) -> Champion:
    """As `promote`, with the previous champion.

    `expected`: the version that is to be replaced; raises `ChampionChanged` if another one is the champion by now.
    """
    home.registry.require_model(model)

    def set_pointer(_before: Champion | None) -> Champion:
        require_unfrozen(home.registry, model)
        return home.registry.roll_back(model)

    return _change(home, model, set_pointer, expected, timeout_s, on_change)


def needs_force(home: Home, model: str, version: str, *, force: bool) -> bool:
    """Whether only force puts the version in service. Without `force` raises as `require_promotable`."""
    try:
        require_promotable(home, model, version)
    except (RefusedByGate, RolledBackByGuard, VerdictUnknown):
        if not force:
            raise
        return True
    return False


def require_promotable(home: Home, model: str, version: str) -> None:
    """Raises `RefusedByGate` or `RolledBackByGuard` for a version that only `--force` puts in service.

    A version that was never judged, or is the champion, may be promoted. Raises `VerdictUnknown` without a ledger.
    """
    pointer = home.registry.readable_pointer(model)
    if pointer is not None and pointer.version == version:
        return
    try:
        incident = Incidents(home.ledger.database).last_rollback(model, version)
        rows = home.ledger.promotions_of(model, version)
    except (LedgerUnreadable, DriverMissing) as error:
        raise VerdictUnknown(model, version, str(error)) from error
    if incident is not None:
        raise RolledBackByGuard(model, version, incident.created_at, incident.reason)
    judged = next((row for row in rows if row.gate is not None), None)
    if judged is not None and judged.gate is not None and not judged.promoted:
        raise RefusedByGate(model, version, judged.gate.verdict.answer, judged.reason)


def record_change(
    ledger: Ledger, model: str, reason: str, champion: Champion, before: Champion | None, is_undone: bool
) -> None:
    """Record a change by a person or an undone promotion; the retrain job records the decisions of the gate."""
    previous = before.version if before else None
    if before is not None and is_undone:
        reason = f"{NOT_LOADED}{before.version} could not be loaded."
    ledger.record_promotion(
        model, champion.version, previous=previous, promoted=True, reason=reason, gate=None, forced=champion.forced
    )


def lock_of(home: Home) -> Path:
    """Held by who reads the champion pointer and changes it, a freeze, or the registry by it."""
    return home.folder / "promotion.lock"


def _change(
    home: Home,
    model: str,
    set_pointer: Callable[[Champion | None], Champion],
    expected: Expected,
    timeout_s: float,
    on_change: OnChange,
) -> Champion:
    """`set_pointer`: previous champion → new one."""
    registry, lock = home.registry, lock_of(home)
    with file_lock(lock):
        before = registry.readable_pointer(model)
        _require_expected(model, before, expected)
        champion = set_pointer(before)
    if champion != before:
        on_change(champion, before, False)
    try:
        _wait(home, model, champion, timeout_s)
    except VersionRefused:
        with file_lock(lock):
            if registry.readable_pointer(model) == champion:
                registry.restore_pointer(model, before)
                if before is not None:
                    on_change(before, champion, True)
        raise
    return champion


def _require_expected(model: str, before: Champion | None, expected: Expected) -> None:
    version = before.version if before else None
    if isinstance(expected, Champion):
        if before != expected:
            raise ChampionChanged(model, expected.version, version)
    elif expected not in (ANY, version):
        raise ChampionChanged(model, expected, version)


def _wait(home: Home, model: str, champion: Champion, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    next_poll = time.monotonic() + POINTER_POLL_S
    while waiting := _outdated(living_server_workers(home.folder), model, champion):
        refused = next((status for status in waiting if _has_refused(status, champion)), None)
        if refused is not None:
            raise VersionRefused(model, champion.version, str(refused.error), refused.version)
        if time.monotonic() > next_poll:
            _require_current(home.registry, model, champion)
            next_poll = time.monotonic() + POINTER_POLL_S
        if time.monotonic() > deadline:
            raise PromotionTimeout(model, champion.version, len(waiting), timeout_s)
        time.sleep(PAUSE_S)


def _require_current(registry: Registry, model: str, champion: Champion) -> None:
    now = registry.readable_pointer(model)
    if now != champion:
        raise PromotionSuperseded(model, champion.version, now.version if now else None)


def _has_refused(status: ModelStatus | None, champion: Champion) -> bool:
    # The time is compared, too: the version may have failed in an earlier promotion.
    return status is not None and (status.failed, status.failed_since) == (champion.version, champion.since)


def _outdated(workers: Iterable[ServerWorkerStatus], model: str, champion: Champion) -> list[ModelStatus | None]:
    """The model's status in each server worker that does not serve `champion` yet; draining workers are left out."""
    statuses = [worker.models.get(model) for worker in workers if not worker.draining]
    return [
        status
        for status in statuses
        if status is None or (status.version, status.since) != (champion.version, champion.since)
    ]
