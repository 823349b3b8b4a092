"""The ledger's table of guards: how the promise of each new champion is watched after its promotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import RowMapping, insert, select, update

from core.clock import utc_now
from core.database import Database
from core.ledger_tables.incidents import Cause
from core.registry import Champion
from core.schema import guards
from core.share import Share
from core.stored import as_stored, restored

Outcome = Literal["passed", "rolled back", "told", "overtaken"]
"""`told`: an incident without a roll back; `overtaken`: another version was put in service."""
OUTCOME_WORDS: dict[Outcome, str] = {"told": "told, not rolled back", "overtaken": "ended early"}


@dataclass(frozen=True)
class Promise:
    """What a version is held to: its accuracy, and the share of texts that it answers unlike the version before; None
    of what nobody promised.

    `by`: who promised the accuracy, in words; `accuracy_before`: of the version before, on its reference.
    """

    accuracy: Share | None = None
    differing: Share | None = None
    by: str = ""
    accuracy_before: float | None = None


@dataclass(frozen=True)
class Finding:
    """What one signal found. `p_value`: of the hypothesis that the promise holds, valid whenever it is looked at."""

    cause: Cause
    rows: int
    p_value: float
    sentence: str
    breached: bool = False


@dataclass(frozen=True)
class Guard:
    """`previous`: the version to roll back to, None if there is none; `since`: time of the promotion, which names it.

    `after_number`: number of the last prediction before it; `labels`: labelled texts at the last look; `watched_s`:
    seconds in which somebody looked.
    """

    id: int
    model: str
    version: str
    previous: str | None
    since: str
    forced: bool
    created_at: str
    after_number: int
    promise: Promise = Promise()
    found: list[Finding] = field(default_factory=list)
    labels: int = 0
    looked_at: str = ""
    watched_s: float = 0.0
    ended_at: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None

    @property
    def seen(self) -> list[Finding]:
        """Those that rest on a text or a request at least."""
        return [one for one in self.found if one.rows]

    @property
    def unseen(self) -> list[Cause]:
        """What nothing is known of yet."""
        return [one.cause for one in self.found if not one.rows]

    @property
    def ended(self) -> str:
        """The outcome in words; the reason of an early end names the version that came. "" while it watches."""
        return OUTCOME_WORDS.get(self.outcome, self.outcome) if self.outcome else ""


class Guards:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, model: str, champion: Champion, *, previous: str | None, after_number: int, promise: Promise
    ) -> Guard:
        """A guard of this promotion; the stored one if another process was faster."""
        is_it = (guards.c.model == model, guards.c.since == champion.since)
        now = utc_now()
        row: dict[str, Any] = {
            "model": model,
            "version": champion.version,
            "previous": previous,
            "since": champion.since,
        }
        row |= {"forced": champion.forced, "created_at": now, "looked_at": now}
        with self._database.write() as connection:
            if connection.execute(select(guards.c.id).where(*is_it)).first() is None:
                first = {"after_number": after_number, "promise": as_stored(promise), "found": [], "labels": 0}
                connection.execute(insert(guards).values(**row, **first, watched_s=0.0))
            return _guard(connection.execute(select(guards).where(*is_it)).mappings().one())

    def open(self, model: str) -> Guard | None:
        query = select(guards).where(guards.c.model == model, guards.c.ended_at.is_(None))
        return next(iter(self._read(query.order_by(guards.c.id.desc()).limit(1))), None)

    def of(self, model: str, since: str) -> Guard | None:
        """The guard of a promotion, open or ended."""
        return next(iter(self._read(select(guards).where(guards.c.model == model, guards.c.since == since))), None)

    def latest(self, model: str, *, limit: int = 20, before: int | None = None) -> list[Guard]:
        """Most recent first; `before`: only those with a smaller id."""
        query = select(guards).where(guards.c.model == model).order_by(guards.c.id.desc()).limit(limit)
        return self._read(query if before is None else query.where(guards.c.id < before))

    def note(self, guard: Guard, found: Sequence[Finding], *, labels: int, watched_s: float) -> Guard:
        """Store what a look found."""
        values = {"found": as_stored(list(found)), "labels": labels, "watched_s": watched_s, "looked_at": utc_now()}
        return self._set(guard, **values)

    def without_way_back(self, guard: Guard) -> Guard:
        """From now on it only tells."""
        return self._set(guard, previous=None)

    def end(self, guard: Guard, outcome: Outcome, reason: str) -> Guard:
        return self._set(guard, ended_at=utc_now(), outcome=outcome, reason=reason)

    def _set(self, guard: Guard, **values: Any) -> Guard:
        """Of an open guard; the stored one."""
        with self._database.write() as connection:
            is_open = (guards.c.id == guard.id, guards.c.ended_at.is_(None))
            connection.execute(update(guards).where(*is_open).values(values))
            return _guard(connection.execute(select(guards).where(guards.c.id == guard.id)).mappings().one())

    def _read(self, query: Any) -> list[Guard]:
        with self._database.read() as connection:
            return [_guard(row) for row in connection.execute(query).mappings()]


def _guard(row: RowMapping) -> Guard:
    found = [restored(Finding, one) for one in row["found"]]
    return Guard(**{**row, "promise": restored(Promise, row["promise"]), "found": found})
