"""Which versions of a model must stay, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.encoder_lineages import encoder_lineages
from core.home import Home
from core.home_processes.server_workers import living_server_workers
from core.ledger_tables.guards import Guards
from core.package import read_facts
from core.registry import Registry


def needed_versions(home: Home, model: str) -> dict[str, str]:
    """The versions that must stay, each with the reason as the end of a sentence. Raises `Unavailable`: without the
    ledger it is not known what a job or the gate needs.
    """
    found: dict[str, str] = {}
    for version, reason in [*_in_service(home, model), *_of_the_loop(home, model)]:
        found.setdefault(version, reason)
    for version, reason in list(_encoders(home.registry, model, list(found))):
        found.setdefault(version, reason)
    known = home.registry.versions(model)
    return {version: found[version] for version in known if version in found}


def _in_service(home: Home, model: str) -> Iterator[tuple[str, str]]:
    pointer = home.registry.readable_pointer(model)
    known = home.registry.versions(model)
    if pointer is not None:
        yield pointer.version, "it is the champion"
        for version in [one for one in pointer.previous if one in known][-1:]:
            yield version, f"a rollback of {model}@{pointer.version} goes back to it"
    for worker in living_server_workers(home.folder):
        status = worker.models.get(model)
        if status is not None:
            for version in filter(None, [status.version, *status.warm]):
                yield version, f"the server {worker.server} has it in memory"


def _of_the_loop(home: Home, model: str) -> Iterator[tuple[str, str]]:
    """A challenger that the gate holds may still be promoted, and a job may have registered one."""
    pointer = home.registry.readable_pointer(model)
    champion = pointer.version if pointer else "0"
    by_gate = (record for record in home.ledger.promotions(model) if record.gate is not None or not record.promoted)
    last = next(by_gate, None)
    if last is not None and last.previous == champion and last.gate and last.gate.verdict.answer == "hold":
        yield last.version, "the gate holds it and promotes it when labels show that it is better"
    guard = Guards(home.ledger.database).open(model)
    if guard is not None and guard.previous is not None:
        yield guard.previous, f"the guard of {model}@{guard.version} may roll back to it"
    for job in home.jobs.unfinished(model):
        for version in home.registry.versions(model):
            if int(version) > int(champion):
                yield version, f"job {job.id} ({job.kind}) is {job.status} and may need it"


def _encoders(registry: Registry, model: str, versions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The versions that have the encoder of one that stays, which a retrain looks up."""
    for version in versions:
        facts = read_facts(registry.folder(model, version)) if version in registry.versions(model) else None
        for ancestor, _ in encoder_lineages(registry, model, facts) if facts else ():
            if ancestor is not None:
                yield ancestor, f"{model}@{version} has its encoder"
