"""Erases predictions from the ledger, with their feedback and their label requests."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass

from sqlalchemy import Column, ColumnElement, Connection, case, delete, func, select

from core.clock import created_at_s, earliest_id
from core.database import Database
from core.datasets import Text, input_of
from core.schema import (
    cannot_tell,
    doubtful_labels,
    draws,
    feedback,
    label_answers,
    label_claims,
    label_requests,
    left_to_others,
    predictions,
)

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


def older_than(database: Database, days: int) -> Condition:
    """Selects the predictions that arrived more than `days` days ago, even if some were made by a wrong clock.

    It selects all predictions up to a number: the number that contradicts the fewest times. At least half of the
    predictions up to it are old by their own time. Times in the future are ignored.
    """
    now_s = time.time()
    # By id, which starts with the time and has an index; the times have none.
    is_old = predictions.c.id < earliest_id(now_s - days * DAY_S)
    last_old = select(func.max(predictions.c.number)).where(is_old).scalar_subquery()
    votes = (
        func.sum(case((is_old, 1), (predictions.c.id > earliest_id(now_s), 0), else_=-1))
        .over(order_by=predictions.c.number)
        .label("votes")
    )
    counted = select(predictions.c.number, votes).where(predictions.c.number <= last_old).subquery()
    best = select(counted.c.number).where(counted.c.votes >= 0)
    with database.read() as connection:
        last = connection.scalar(best.order_by(counted.c.votes.desc(), counted.c.number.desc()).limit(1))
    return predictions.c.number <= (last or 0)


def count_of(database: Database, condition: Condition) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(predictions).where(condition)) or 0


def ids_of(database: Database, condition: Condition) -> set[str]:
    with database.read() as connection:
        return set(connection.scalars(select(predictions.c.id).where(condition)))


def inputs_of(database: Database, condition: Condition) -> Iterator[tuple[float, Text]]:
    """Texts of the predictions with their times of arrival, in seconds since 1970; a text that is not stored is empty.

    The time is the earliest time of the prediction and of all later ones, because a clock may have run ahead.
    """
    first_id = func.min(predictions.c.id).over(order_by=predictions.c.number.desc()).label("first_id")
    placed = select(predictions.c.number, first_id).subquery()
    query = select(placed.c.first_id, predictions.c.text, predictions.c.pair).where(condition)
    query = query.join(placed, placed.c.number == predictions.c.number).order_by(predictions.c.number)
    with database.read() as connection:
        for row in connection.execute(query):
            yield created_at_s(row.first_id), input_of(row.text, row.pair)


def texts_of(database: Database, condition: Condition) -> Iterator[Text]:
    """The different texts of the predictions; one that is not stored is empty."""
    query = select(predictions.c.text, predictions.c.pair).where(condition).distinct()
    with database.read() as connection:
        for row in connection.execute(query):
            yield input_of(row.text, row.pair)


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
    batch = select(predictions.c.id).where(condition).order_by(predictions.c.number).limit(BATCH_ROWS)
    with database.write() as connection:
        ids = connection.scalars(batch).all()
        for table in (draws, label_claims, left_to_others, label_answers):
            _delete(connection, table.c.prediction_id, ids)
        return Erased(
            predictions=_delete(connection, predictions.c.id, ids),
            feedback=_delete(connection, feedback.c.prediction_id, ids)
            + _delete(connection, doubtful_labels.c.prediction_id, ids)
            + _delete(connection, cannot_tell.c.prediction_id, ids),
            label_requests=_delete(connection, label_requests.c.prediction_id, ids),
        )


def _delete(connection: Connection, column: Column[str], ids: Sequence[str]) -> int:
    return connection.execute(delete(column.table).where(column.in_(ids))).rowcount
