"""Predictions that leave the ledger, with the feedback and the label requests that hang on them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass

from sqlalchemy import Column, ColumnElement, Connection, delete, func, select

from core.clock import earliest_id
from core.database import Database
from core.datasets import Text, input_of
from core.schema import feedback, label_requests, predictions

BATCH_ROWS = 500
# SQLite's lock goes to whoever asks next: an eraser that never rests would keep it from the servers.
PAUSE_S = 0.02
DAY_S = 86_400

Which = ColumnElement[bool]
"""A condition on predictions."""


@dataclass(frozen=True)
class Erased:
    """Rows that are gone, by table."""

    predictions: int = 0
    feedback: int = 0
    label_requests: int = 0


def among(ids: Collection[str]) -> Which:
    return predictions.c.id.in_(ids)


def requested_with(key: str) -> Which:
    """Those that the API key of that name asked for."""
    return predictions.c.key == key


def older_than(days: int) -> Which:
    # By id, which begins with the time and is the primary key; there is no index over the times.
    return predictions.c.id < earliest_id(time.time() - days * DAY_S)


def count_of(database: Database, which: Which) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(predictions).where(which)) or 0


def inputs_of(database: Database, which: Which) -> Iterator[tuple[str, Text]]:
    """The ids of the predictions with their texts, empty where none was kept; the oldest first."""
    query = select(predictions.c.id, predictions.c.text, predictions.c.pair).where(which).order_by(predictions.c.id)
    with database.read() as connection:
        for row in connection.execute(query):
            yield row.id, input_of(row.text, row.pair)


def erase(database: Database, which: Which) -> Erased:
    """Erase predictions and what hangs on them, in short transactions; a server writes between them."""
    batches = [_erase_batch(database, which)]
    while batches[-1].predictions == BATCH_ROWS:
        time.sleep(PAUSE_S)
        batches.append(_erase_batch(database, which))
    return Erased(*map(sum, zip(*map(astuple, batches), strict=True)))


def _erase_batch(database: Database, which: Which) -> Erased:
    doomed = select(predictions.c.id).where(which).order_by(predictions.c.id).limit(BATCH_ROWS)
    with database.write() as connection:
        ids = connection.scalars(doomed).all()
        return Erased(
            predictions=_delete(connection, predictions.c.id, ids),
            feedback=_delete(connection, feedback.c.prediction_id, ids),
            label_requests=_delete(connection, label_requests.c.prediction_id, ids),
        )


def _delete(connection: Connection, column: Column[str], ids: Sequence[str]) -> int:
    return connection.execute(delete(column.table).where(column.in_(ids))).rowcount
