"""The versions of a model as their pages show them: facts, what became of each, and when it came."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from core.errors import RetuneError, Unavailable
from core.home import Home
from core.registry import Champion
from core.version_facts import KnownVersions, VersionFacts
from core.version_outcomes import VersionOutcomes, registered_at, version_outcomes
from service.http.paging import Page


@dataclass(frozen=True)
class VersionRow:
    """`facts`: None if the package cannot be read, for the reason `problem`. `added_at`: None if nothing tells it."""

    version: str
    is_champion: bool
    facts: VersionFacts | None
    problem: str = ""
    outcomes: VersionOutcomes = VersionOutcomes()
    added_at: str | None = None
    deleted_at: str | None = None

    @property
    def can_serve(self) -> bool:
        return self.facts is not None


@dataclass(frozen=True)
class VersionList:
    """`rows`: the latest first; `next`: the `before` of the next page; `deleted`: when each deleted version was."""

    rows: list[VersionRow]
    champion: Champion | None
    deleted: dict[str, str] = field(default_factory=dict)
    next: int | None = None
    ledger_problem: str = ""


@dataclass(frozen=True)
class Recorded:
    """What the ledger knows of some versions; empty if it is away, for the reason `problem`."""

    outcomes: dict[str, VersionOutcomes] = field(default_factory=dict)
    registered: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    def row(
        self, known: KnownVersions, model: str, version: str, champion: Champion | None, deleted_at: str | None = None
    ) -> VersionRow:
        facts, problem = None, ""
        try:
            facts = known.of(model, version) if deleted_at is None else None
        except RetuneError as error:
            problem = str(error)
        outcomes = self.outcomes.get(version, VersionOutcomes())
        is_champion = champion is not None and champion.version == version
        added_at = self.registered.get(version) or outcomes.first_at
        return VersionRow(version, is_champion, facts, problem, outcomes, added_at, deleted_at)


def recorded_of(home: Home, model: str, versions: Collection[str]) -> Recorded:
    try:
        database = home.ledger.database
        return Recorded(version_outcomes(database, model, versions), registered_at(database, model))
    except Unavailable as error:
        return Recorded(problem=str(error))


def version_list(home: Home, known: KnownVersions, model: str, page: Page) -> VersionList:
    """Raises `ModelNotFound`."""
    versions = home.registry.require_model(model)[::-1]
    chosen = [version for version in versions if page.before is None or int(version) < page.before]
    shown = chosen[: page.limit]
    champion, recorded = home.registry.readable_pointer(model), recorded_of(home, model, shown)
    rows = [recorded.row(known, model, version, champion) for version in shown]
    more = int(shown[-1]) if len(chosen) > len(shown) else None
    return VersionList(rows, champion, home.registry.deleted(model), more, recorded.problem)
