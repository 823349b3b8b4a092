"""A stored text with its answer, and whether a label of it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from core.database import Database
from core.schema import feedback, label_requests, predictions

MOST_GIVEN = 5


@dataclass(frozen=True)
class GivenLabel:
    """`source`: who gave it; `at`: UTC."""

    label: str
    source: str
    at: str


@dataclass(frozen=True)
class StoredText:
    """`text`: "" if it is not kept; `is_asked`: whether its label was asked for, or given; `given`: its last
    labels, the most recent first.
    """

    prediction_id: str
    text: str
    pair: str | None
    predicted: str
    score: float
    version: str
    is_asked: bool
    given: Sequence[GivenLabel] = ()


def stored_text(database: Database, model: str, prediction_id: str) -> StoredText | None:
    """None if the model has no such prediction."""
    asked = select(label_requests.c.prediction_id).where(label_requests.c.prediction_id == prediction_id).exists()
    given = select(feedback.c.id).where(feedback.c.prediction_id == prediction_id).exists()
    columns = (predictions.c.text, predictions.c.pair, predictions.c.label, predictions.c.score, predictions.c.version)
    query = select(*columns, (asked | given).label("is_asked")).where(predictions.c.id == prediction_id)
    labels = (
        select(feedback.c.label, feedback.c.source, feedback.c.created_at)
        .where(feedback.c.prediction_id == prediction_id)
        .order_by(feedback.c.id.desc())
        .limit(MOST_GIVEN)
    )
    with database.read() as connection:
        row = connection.execute(query.where(predictions.c.model == model)).first()
        rows = connection.execute(labels).all()
    if row is None:
        return None
    return StoredText(
        prediction_id,
        row.text,
        row.pair,
        row.label,
        row.score,
        row.version,
        bool(row.is_asked),
        [GivenLabel(*one) for one in rows],
    )
