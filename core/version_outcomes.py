"""What became of each version: promotions, refusals and guards, without the gate's evidence, which is long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select

from core.change_words import ROLLED_BACK, is_roll_back
from core.database import Database
from core.ledger_tables.guards import Guard, Guards
from core.ledger_tables.incidents import Incidents
from core.records import GateAnswer
from core.schema import audit, promotions

MOST = 1000
"""Promotions and refusals, guards and incidents that are read, the last ones."""
_GATE = promotions.c.gate["gate"]["verdict"].as_string()
_NEEDED = promotions.c.gate["gate"]["labels_needed"].as_integer()


@dataclass(frozen=True)
class Outcome:
    """A promotion or refusal. `answer`: of the gate, None if it did not judge."""

    id: int
    version: str
    previous: str | None
    created_at: str
    promoted: bool
    reason: str
    forced: bool
    answer: GateAnswer | None
    labels_needed: int | None

    @property
    def is_roll_back(self) -> bool:
        """Whether the version came back by a roll back from `previous`."""
        return is_roll_back(promoted=self.promoted, previous=self.previous, reason=self.reason)


@dataclass(frozen=True)
class VersionOutcomes:
    """Of one version, most recent first. `guard`: of its last promotion; `rolled_back`: when and why a guard rolled it
    back for the last time; `taken_back`: the last change from it back to the version before.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    guard: Guard | None = None
    rolled_back: tuple[str, str] | None = None
    taken_back: Outcome | None = None

    @property
    def is_taken_back(self) -> bool:
        """Whether it was rolled back, by whomever, and not put in service since."""
        came = next((one.id for one in self.outcomes if one.promoted), 0)
        return self.taken_back is not None and self.taken_back.id > came

    @property
    def judged(self) -> Outcome | None:
        """The gate's last answer."""
        return next((one for one in self.outcomes if one.answer is not None), None)

    @property
    def is_refused(self) -> bool:
        return self.judged is not None and not self.judged.promoted

    @property
    def needs_force(self) -> bool:
        """Whether only force puts the version in service, unless it is the champion."""
        return self.is_refused or self.rolled_back is not None

    @property
    def is_forced(self) -> bool:
        return any(one.forced for one in self.outcomes)

    @property
    def first_at(self) -> str | None:
        return self.outcomes[-1].created_at if self.outcomes else None


def version_outcomes(
    database: Database, model: str, versions: Collection[str] | None = None
) -> dict[str, VersionOutcomes]:
    """Of these versions, or of all, by version. Raises `Unavailable`."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for one in _outcomes(database, model, None if versions is None else promotions.c.version.in_(versions)):
        found[one.version].append(one)
    guards = _first_of_each(Guards(database).latest(model, limit=MOST))
    incidents = (one for one in Incidents(database).latest(model, limit=MOST) if one.action == "rolled back")
    rolled_back = {one.version: (one.created_at, one.reason) for one in reversed(list(incidents))}
    taken_back = {one.previous: one for one in reversed(_outcomes(database, model, _taken_back(versions)))}
    known = found.keys() | guards.keys() | rolled_back.keys() | {name for name in taken_back if name is not None}
    return {
        version: VersionOutcomes(
            found.get(version, []), guards.get(version), rolled_back.get(version), taken_back.get(version)
        )
        for version in (known if versions is None else known & set(versions))
    }


def registered_at(database: Database, model: str) -> dict[str, str]:
    """When a person registered each version, as far as the audit tells. Raises `Unavailable`."""
    which = (audit.c.model == model, audit.c.action == "register")
    query = select(audit.c.facts, audit.c.created_at).where(*which).order_by(audit.c.id.desc()).limit(MOST)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return {str(row.facts.get("version")): row.created_at for row in rows}


def _taken_back(versions: Collection[str] | None) -> ColumnElement[bool]:
    is_back = promotions.c.promoted & promotions.c.reason.startswith(ROLLED_BACK)
    return is_back if versions is None else is_back & promotions.c.previous.in_(versions)


def _outcomes(database: Database, model: str, which: ColumnElement[bool] | None) -> list[Outcome]:
    columns = [promotions.c[name] for name in ("id", "version", "previous", "created_at", "promoted", "reason")]
    query = select(*columns, promotions.c.forced, _GATE.label("answer"), _NEEDED.label("labels_needed"))
    query = query if which is None else query.where(which)
    query = query.where(promotions.c.model == model).order_by(promotions.c.id.desc()).limit(MOST)
    with database.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [Outcome(**{**row, "forced": bool(row["forced"])}) for row in rows]


def _first_of_each(guards: Sequence[Guard]) -> dict[str, Guard]:
    return {guard.version: guard for guard in reversed(guards)}
