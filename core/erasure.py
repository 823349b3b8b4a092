"""Erases predictions from the ledger, with their feedback and their label requests."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass

from sqlalchemy import Column, ColumnElement, Connection, delete, func, select

from core.clock import earliest_id
from core.database import Database
from core.datasets import Text, input_of
from core.schema import doubtful_labels, feedback, label_requests, predictions

BATCH_ROWS = 500
# SQLite's lock is not fair: without pauses between the batches, servers would wait for the lock until the last batch.
PAUSE_S = 0.02
DAY_S = 86_400

Condition = ColumnElement[bool]
"""Selects predictions."""


@dataclass(frozen=True)
class Erased:
    """Number of erased rows by table."""

    predictions: int = 0
    feedback: int = 0
    label_requests: int = 0


def with_ids(ids: Collection[str]) -> Condition:
    return predictions.c.id.in_(ids)


def requested_with(key: str) -> Condition:
    """`key`: the name of an API key."""
    return predictions.c.key == key


def older_than(days: int) -> Condition:
    # By id, which starts with the time and is the primary key; the times have no index.
    return predictions.c.id < earliest_id(time.time() - days * DAY_S)


def count_of(database: Database, condition: Condition) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(predictions).where(condition)) or 0


def inputs_of(database: Database, condition: Condition) -> Iterator[tuple[str, Text]]:
    """Ids and texts of the predictions, the oldest first; a text that was not stored is empty."""
    query = select(predictions.c.id, predictions.c.text, predictions.c.pair).where(condition).order_by(predictions.c.id)
    with database.read() as connection:
        for row in connection.execute(query):
            yield row.id, input_of(row.text, row.pair)


def erase(database: Database, condition: Condition) -> Erased:
    """Erase predictions and the rows that refer to them, in short transactions between which servers can write."""
    if not database.exists():
        return Erased()
    batches = [_erase_batch(database, condition)]
    while batches[-1].predictions == BATCH_ROWS:
        time.sleep(PAUSE_S)
        batches.append(_erase_batch(database, condition))
    counts_by_table = zip(*map(astuple, batches), strict=True)
    return Erased(*map(sum, counts_by_table))


def _erase_batch(database: Database, condition: Condition) -> Erased:
    batch = select(predictions.c.id).where(condition).order_by(predictions.c.id).limit(BATCH_ROWS)
    with database.write() as connection:
        ids = connection.scalars(batch).all()
        return Erased(
            predictions=_delete(connection, predictions.c.id, ids),
            feedback=_delete(connection, feedback.c.prediction_id, ids)
            + _delete(connection, doubtful_labels.c.prediction_id, ids),
            label_requests=_delete(connection, label_requests.c.prediction_id, ids),
        )


def _delete(connection: Connection, column: Column[str], ids: Sequence[str]) -> int:
    return connection.execute(delete(column.table).where(column.in_(ids))).rowcount
