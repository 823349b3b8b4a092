"""The ledger's table of labelled rows that were added from files, as opposed to labelled predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from core.clock import utc_now
from core.database import Database
from core.datasets import Example
from core.schema import added_rows


@dataclass(frozen=True)
class AddedSource:
    """The rows of a source: their number, the fingerprints of their files, and when the last came."""

    source: str
    rows: int
    fingerprints: list[str]
    created_at: str


class AddedRows:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, model: str, rows: Sequence[Example], *, source: str, fingerprint: str) -> int:
        """Store the rows that the source has not given yet; return their number. `fingerprint`: of their file."""
        query = select(added_rows.c.text, added_rows.c.label, added_rows.c.pair)
        query = query.where(added_rows.c.model == model, added_rows.c.source == source)
        with self._database.write() as connection:
            known = {Example(*row) for row in connection.execute(query)}
            fresh = [row for row in dict.fromkeys(rows) if row not in known]
            if fresh:
                facts = {"model": model, "source": source, "fingerprint": fingerprint, "created_at": utc_now()}
                connection.execute(insert(added_rows), [{**vars(row), **facts} for row in fresh])
        return len(fresh)

    def rows(self, model: str, *, source: str | None = None, last: int | None = None) -> list[Example]:
        """In the order in which they came, with their labels as stored; of all sources, or of one; the `last` ones."""
        query = select(added_rows.c.text, added_rows.c.label, added_rows.c.pair).where(added_rows.c.model == model)
        if source is not None:
            query = query.where(added_rows.c.source == source)
        with self._database.read() as connection:
            return [Example(*row) for row in connection.execute(query.order_by(added_rows.c.id.desc()).limit(last))][
                ::-1
            ]

    def sources(self, model: str) -> list[AddedSource]:
        count = func.count()
        query = (
            select(added_rows.c.source, added_rows.c.fingerprint, count, func.max(added_rows.c.created_at))
            .where(added_rows.c.model == model)
            .group_by(added_rows.c.source, added_rows.c.fingerprint)
            .order_by(added_rows.c.source, added_rows.c.fingerprint)
        )
        found: dict[str, AddedSource] = {}
        with self._database.read() as connection:
            for source, fingerprint, rows, created_at in connection.execute(query):
                before = found.get(source, AddedSource(source, 0, [], ""))
                prints = [*before.fingerprints, fingerprint]
                last = max(before.created_at, created_at)
                found[source] = AddedSource(source, before.rows + rows, prints, last)
        return list(found.values())

    def remove(self, model: str, source: str) -> int:
        """Delete the rows of a source; return their number."""
        with self._database.write() as connection:
            is_it = (added_rows.c.model == model, added_rows.c.source == source)
            return connection.execute(added_rows.delete().where(*is_it)).rowcount
