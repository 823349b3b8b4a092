"""SQLite's plans of the queries that run in a context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from core.database import Database


@contextmanager
def plans_of(database: Database) -> Iterator[list[tuple[str, str]]]:
    """Collects (query, step of its plan)."""
    steps: list[tuple[str, str]] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            found = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps.extend((statement, row[-1]) for row in found.fetchall())

    event.listen(database._engine, "before_cursor_execute", explain)
    try:
        yield steps
    finally:
        event.remove(database._engine, "before_cursor_execute", explain)
