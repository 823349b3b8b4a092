"""Where in the order of their arrival the predictions of a version are, found by indexes whatever the ledger's size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from core.clock import earliest_id
from core.database import Database
from core.datasets import input_of, key_or
from core.schema import predictions

READ_PER_TEXT = 10
"""Predictions that are read at most for each text of a window."""
ROWS_AT_ONCE = 500


class Arrivals:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self, model: str, version: str) -> int:
        """Number of the last prediction; 0 if there is none."""
        with self._database.read() as connection:
            return _last(connection, model, version)

    def last_time(self, model: str, versions: Sequence[str]) -> str | None:
        """Time of the last prediction of any of these versions."""
        with self._database.read() as connection:
            last = max((_last(connection, model, version) for version in versions), default=0)
            return connection.scalar(select(predictions.c.created_at).where(predictions.c.number == last))

    def count(self, model: str, versions: Sequence[str], *, first: int, most: int) -> int:
        """Predictions of these versions from the number `first` on, counted up to `most`."""
        rows = select(predictions.c.number).where(
            predictions.c.model == model, predictions.c.version.in_(versions), predictions.c.number >= first
        )
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(rows.limit(most).subquery())).scalar_one()

    def times(self, model: str, version: str) -> list[tuple[int, str]]:
        """Number and time of each prediction of a version, in the order of arrival."""
        query = select(predictions.c.number, predictions.c.created_at).where(*_of(model, version))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(predictions.c.number))
            return [(row.number, row.created_at) for row in rows]

    def has_more(self, model: str, version: str, *, after: int, count: int) -> bool:
        """Whether at least `count` >= 1 predictions came after the one with the number `after`."""
        later = select(predictions.c.number).where(*_of(model, version), predictions.c.number > after)
        with self._database.read() as connection:
            query = later.order_by(predictions.c.number).limit(1).offset(count - 1)
            return connection.scalar(query) is not None

    def at(self, time_s: float) -> int | None:
        """Number of the first prediction, of whatever model, at or after a time in seconds since 1970; None if there is
        none.
        """
        since = select(predictions.c.number).where(predictions.c.id >= earliest_id(time_s))
        with self._database.read() as connection:
            return connection.scalar(since.order_by(predictions.c.id).limit(1))

    def window_ends(self, model: str, version: str, *, limit: int, after: int, most: int) -> list[int]:
        """Numbers of the last predictions of the `most` latest windows after the number `after`, in their order.

        The windows follow each other; each has `limit` different texts, the first one possibly fewer, as
        `Ledger.window` counts them.
        """
        ends: list[int] = []
        texts: set[str] = set()
        read = 0
        options = {"yield_per": ROWS_AT_ONCE}
        with self._database.read() as connection:
            rows = connection.execute(_texts(model, version, after, limit * most), execution_options=options)
            for row in rows:
                key = key_or(input_of(row.text, row.pair), row.id)
                is_full = read == limit * READ_PER_TEXT or (len(texts) == limit and key not in texts)
                if not ends or is_full:
                    if len(ends) == most:
                        break
                    ends.append(row.number)
                    texts, read = set(), 0
                texts.add(key)
                read += 1
        return ends[::-1]


def _last(connection: Connection, model: str, version: str) -> int:
    # One version at a time: SQLite finds the greatest number of several only by reading all of them.
    return connection.scalar(select(func.max(predictions.c.number)).where(*_of(model, version))) or 0


def _of(model: str, version: str) -> tuple[Any, Any]:
    return predictions.c.model == model, predictions.c.version == version


def _texts(model: str, version: str, after: int, texts: int) -> Select[Any]:
    """The latest predictions first."""
    columns = predictions.c.number, predictions.c.id, predictions.c.text, predictions.c.pair
    query = select(*columns).where(*_of(model, version), predictions.c.number > after)
    return query.order_by(predictions.c.number.desc()).limit(texts * READ_PER_TEXT)
