"""Reads how the models of a home stand, from registry, ledger and the statuses of its processes. It changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.clock import utc_now
from core.database import shown_url
from core.errors import PointerUnreadable, RetuneError, Unavailable
from core.freezes import freeze_of
from core.home import Home
from core.home_processes.server_workers import ServerWorkerStatus, living_server_workers
from core.home_processes.supervision import supervision_of
from core.ledger_tables.heartbeats import Heartbeat, Heartbeats
from core.overview.facts import ChampionFacts, ModelOverview, Overview
from core.overview.ledger_facts import ledger_facts
from core.overview.next_step import in_order, next_step
from core.overview.processes import processes_of
from core.package import PackageFacts, read_facts
from core.registry import Registry


@dataclass(frozen=True)
class _Recorded:
    """What the ledger knows; `beats` is None, and `problem` says why, if it is away."""

    beats: list[Heartbeat] | None
    of_model: dict[str, dict[str, Any]] = field(default_factory=dict)
    problem: str | None = None


def read_overview(home: Home, model: str | None = None) -> Overview:
    """All models, those that need a person first; or the one. Raises `ModelNotFound`.

    A ledger that is away is a fact, and the rest is told without it.
    """
    known = home.registry.catalog() if model is None else {model: home.registry.require_model(model)}
    workers = living_server_workers(home.folder)
    champions = {name: _champion(home.registry, name) for name in known}
    recorded = _recorded(home, known, {name: champion for name, (champion, _) in champions.items()})
    processes = processes_of(workers, recorded.beats, supervision_of(home.folder))
    models = []
    for name, versions in known.items():
        champion, problem = champions[name]
        facts = recorded.of_model.get(name, {}) | {
            "mode": home.config.policy.of(name, min_texts=home.config.labels.min_texts).mode,
            "freeze": freeze_of(home.registry, name, now=utc_now()),
        }
        one = ModelOverview(name, versions, champion, problem or _load_error(workers, name), **facts)
        models.append(replace(one, next=next_step(one, processes)))
    ledger = shown_url(home.config.ledger_url)
    return Overview(str(home.folder), home.registry.place, ledger, processes, in_order(models), recorded.problem)


def _recorded(
    home: Home, versions: Mapping[str, list[str]], champions: Mapping[str, ChampionFacts | None]
) -> _Recorded:
    try:
        beats = Heartbeats(home.ledger.database).all()
        return _Recorded(
            beats,
            {name: ledger_facts(home, name, versions[name], champion) for name, champion in champions.items()},
        )
    except Unavailable as error:
        return _Recorded(None, problem=str(error))


def _champion(registry: Registry, model: str) -> tuple[ChampionFacts | None, str | None]:
    """The champion, as far as it can be read, and why it cannot."""
    try:
        pointer = registry.pointer(model)
    except PointerUnreadable as error:
        return None, str(error)
    if pointer is None:
        return None, None
    found = ChampionFacts(pointer.version, pointer.since, previous=next(reversed(pointer.previous), None))
    try:
        facts = read_facts(registry.folder(model, pointer.version))
    except RetuneError as error:
        return found, str(error)
    return replace(found, labels=len(facts.labels), expected_accuracy=expected_accuracy(facts)), None


def expected_accuracy(facts: PackageFacts) -> float | None:
    """The accuracy of the served file on the rows of its export."""
    found = facts.metrics.get("served_accuracy")
    return float(found) if isinstance(found, int | float) else None


def _load_error(workers: Sequence[ServerWorkerStatus], model: str) -> str | None:
    """Why a server worker cannot load the champion."""
    statuses = [worker.models[model] for worker in workers if model in worker.models]
    return next((str(status.error) for status in statuses if status.failing), None)
