"""Labels of a model by the hour in which they were given."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import select

from core.database import Database
from core.schema import feedback, is_of_model, predictions

ROWS_READ = 2000
HOUR_CHARS = len("2026-01-31T09")


@dataclass(frozen=True)
class LabelBatch:
    """`first`: number of its first label; `at`: time of the last one; `sources`: labels of each, most labels first."""

    first: int
    at: str
    sources: dict[str, int]

    @property
    def labels(self) -> int:
        return sum(self.sources.values())


def label_batches(
    database: Database, model: str, *, limit: int, before: int | None = None, most: int = ROWS_READ
) -> list[LabelBatch]:
    """Most recent first; `before`: only labels with a smaller number. An hour with more than `most` labels is several
    batches.
    """
    query = (
        select(feedback.c.id, feedback.c.created_at, feedback.c.source)
        .join(predictions, feedback.c.prediction_id == predictions.c.id)
        .where(is_of_model(model))
        .order_by(feedback.c.id.desc())
        .limit(most)
    )
    query = query if before is None else query.where(feedback.c.id < before)
    with database.read() as connection:
        rows = connection.execute(query).all()
    hours = groupby(rows, key=lambda row: row.created_at[:HOUR_CHARS])
    return [_batch(list(given)) for _, given in hours][:limit]


def _batch(given: list[Any]) -> LabelBatch:
    """`given`: the most recent label first."""
    return LabelBatch(given[-1].id, given[0].created_at, dict(Counter(row.source for row in given).most_common()))
