"""Deletes versions and models. The ledger keeps their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

from core.durable import file_lock
from core.errors import ModelInUse, VersionNeeded
from core.home import Home
from core.home_processes.server_workers import living_server_workers
from core.promotion import lock_of
from core.removal.needed import needed_versions

RECORDED = 100_000
"""Predictions of a version up to which they are counted."""


@dataclass(frozen=True)
class Removed:
    """`reports`: number of deleted reports of drift checks."""

    model: str
    versions: list[str] = field(default_factory=list)
    reports: int = 0
    freed_bytes: int = 0


@dataclass(frozen=True)
class Recorded:
    """What the ledger has of a model and keeps: predictions, counted up to `RECORDED` a version, and labels."""

    predictions: int
    labels: int


def remove_versions(home: Home, model: str, versions: Sequence[str]) -> Removed:
    """All or none of them. Raises `ModelNotFound`, `VersionNotFound`, or `VersionNeeded` for one that must stay."""
    home.registry.require_model(model)
    # A promotion between the look and the deletion would promote a version that is gone.
    with file_lock(lock_of(home)):
        require_unneeded(home, model, versions)
        freed_bytes = sum(home.registry.remove(model, version) for version in versions)
    reports = sum(_remove_reports(home, model, version) for version in versions)
    return Removed(model, list(versions), reports, freed_bytes)


def remove_model(home: Home, model: str) -> Removed:
    """With all its versions and reports. Raises `ModelNotFound`, or `ModelInUse` while a server or a job has it."""
    with file_lock(lock_of(home)):
        versions = home.registry.require_model(model)
        require_unused(home, model)
        freed_bytes = home.registry.remove_model(model)
    reports = sum(_remove_reports(home, model, version) for version in versions)
    rmtree(home.config.reports / model, ignore_errors=True)
    return Removed(model, versions, reports, freed_bytes)


def require_unneeded(home: Home, model: str, versions: Sequence[str]) -> None:
    """Raises `ModelNotFound`, `VersionNotFound`, or `VersionNeeded` for one that must stay."""
    for version in versions:
        home.registry.folder(model, version)
    needed = needed_versions(home, model)
    for version in versions:
        if version in needed:
            raise VersionNeeded(model, version, needed[version])


def require_unused(home: Home, model: str) -> None:
    """Raises `ModelInUse`."""
    for worker in living_server_workers(home.folder):
        status = worker.models.get(model)
        if status is not None and status.version:
            reason = f"the server {worker.server} answers its requests with version {status.version}"
            raise ModelInUse(model, reason, "Stop that server first")
    for job in home.jobs.unfinished(model):
        cure = f"Cancel it first: retune jobs cancel {job.id}"
        raise ModelInUse(model, f"job {job.id} ({job.kind}) is {job.status}", cure)


def recorded(home: Home, model: str) -> Recorded:
    """Raises `ModelNotFound` or `Unavailable`."""
    ledger, versions = home.ledger, home.registry.require_model(model)
    predictions = sum(ledger.count_predictions(model, version, most=RECORDED) for version in versions)
    return Recorded(predictions, ledger.count_labels(model))


def _remove_reports(home: Home, model: str, version: str) -> int:
    found: list[Path] = list((home.config.reports / model).glob(f"*-v{version}.html"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
