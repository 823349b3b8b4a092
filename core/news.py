"""What has come to the ledger since a position: verdicts, decisions and promotions of all models, oldest first."""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, Table, func, or_, select

from core.database import Database
from core.schema import cannot_tell, checks, decisions, feedback, label_requests, promotions

NewsKind = Literal["verdict", "decision", "promotion"]
_POSITION = re.compile(r"\d{1,18}(-\d{1,18})*")


@dataclass(frozen=True)
class Position:
    """The last id of each table. As text it is the id of a server-sent event.

    >>> str(Position(4, 2, 1)), Position.parsed("4-2-1"), Position.parsed("4-2"), Position.parsed("x")
    ('4-2-1', Position(checks=4, decisions=2, promotions=1), None, None)
    """

    checks: int = 0
    decisions: int = 0
    promotions: int = 0

    def __str__(self) -> str:
        return "-".join(str(getattr(self, field.name)) for field in fields(self))

    @classmethod
    def parsed(cls, text: str) -> Position | None:
        ids = [int(part) for part in text.split("-")] if text.isascii() and _POSITION.fullmatch(text) else []
        return cls(*ids) if len(ids) == len(fields(cls)) else None

    def is_within(self, last: Position) -> bool:
        """Whether a ledger with these last ids can have had this position."""
        return all(getattr(self, field.name) <= getattr(last, field.name) for field in fields(self))


@dataclass(frozen=True)
class News:
    """One row; `position`: where its reader is then."""

    kind: NewsKind
    model: str
    created_at: str
    facts: Mapping[str, Any]
    position: Position


@dataclass(frozen=True)
class _Source:
    """`columns`: what is told of a row; `inside`: what is told of its JSON column `document`."""

    kind: NewsKind
    table: Table
    columns: tuple[str, ...]
    document: str = ""
    inside: tuple[str, ...] = ()

    def facts(self, row: RowMapping) -> dict[str, Any]:
        document = row[self.document] if self.document else {}
        return {name: row[name] for name in self.columns} | {name: document.get(name) for name in self.inside}


_ABOUT = ("id", "model", "created_at")
_SOURCES = (
    _Source(
        "verdict",
        checks,
        (*_ABOUT, "version", "source"),
        "verdict",
        ("verdict", "p_value", "rows", "sentence", "since"),
    ),
    _Source("decision", decisions, (*_ABOUT, "check_id"), "decision", ("action", "count", "reason")),
    _Source("promotion", promotions, (*_ABOUT, "version", "previous", "promoted", "reason")),
)


def last_position(database: Database) -> Position:
    with database.read() as connection:
        return Position(*(connection.scalar(select(func.max(of.table.c.id))) or 0 for of in _SOURCES))


def news_after(
    database: Database,
    position: Position,
    *,
    model: str | None = None,
    until: Position | None = None,
    last_check_at: str | None = None,
    limit: int = 200,
) -> list[News]:
    """At most the first `limit` rows of each table after the position.

    `last_check_at`: when the check at the position was recorded; an inconclusive one is replaced by the next one, which
    may get its id.
    """
    with database.read() as connection:
        by_table = [_rows(connection, of, position, model, until, last_check_at, limit) for of in _SOURCES]
    found = []
    # Rows of one table keep the order of their ids, whatever their clocks said.
    for row in heapq.merge(*by_table, key=lambda row: row.created_at):
        position = _after(position, row)
        found.append(replace(row, position=position))
    return found


def labels_mark(database: Database) -> tuple[Any, ...]:
    """Changes when a label, an answer that nobody can tell it, or a request for labels comes or goes."""
    marks = (func.max(feedback.c.id), func.max(cannot_tell.c.id), func.max(label_requests.c.created_at))
    with database.read() as connection:
        last = [connection.scalar(select(mark)) for mark in marks]
        return *last, connection.scalar(select(func.count()).select_from(label_requests))


def _rows(
    connection: Connection,
    of: _Source,
    position: Position,
    model: str | None,
    until: Position | None,
    last_check_at: str | None,
    limit: int,
) -> list[News]:
    table, after = of.table, getattr(position, of.table.name)
    is_new = table.c.id > after
    if table is checks and last_check_at is not None:
        is_new = or_(is_new, (table.c.id == after) & (table.c.created_at != last_check_at))
    query = select(table).where(is_new).order_by(table.c.id).limit(limit)
    query = query if model is None else query.where(table.c.model == model)
    query = query if until is None else query.where(table.c.id <= getattr(until, table.name))
    return [
        News(of.kind, row["model"], row["created_at"], of.facts(row), Position(**{table.name: row["id"]}))
        for row in connection.execute(query).mappings()
    ]


def _after(position: Position, row: News) -> Position:
    name = next(of.table.name for of in _SOURCES if of.kind == row.kind)
    return replace(position, **{name: max(getattr(position, name), getattr(row.position, name))})
