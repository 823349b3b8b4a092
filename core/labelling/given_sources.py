"""Where the labels came from that a model had up to a point: people over HTTP, imports, files."""

from __future__ import annotations

from sqlalchemy import func, select

from core.database import Database
from core.schema import added_rows, feedback, is_of_model, predictions

MOST = 10_000
"""Labels that are counted, the last ones: a count reads the prediction of each."""


def sources_until(database: Database, model: str, *, label: int, time: str) -> dict[str, int]:
    """Labels by source, up to the one of this number, and rows that were added until a time; the most first."""
    last = select(feedback.c.prediction_id, feedback.c.source).where(feedback.c.id <= label)
    given = last.order_by(feedback.c.id.desc()).limit(MOST).subquery()
    labels = (
        select(given.c.source, func.count())
        .join(predictions, predictions.c.id == given.c.prediction_id)
        .where(is_of_model(model))
        .group_by(given.c.source)
    )
    added = select(added_rows.c.source, func.count()).where(
        added_rows.c.model == model, added_rows.c.created_at <= time
    )
    with database.read() as connection:
        found = [*connection.execute(labels), *connection.execute(added.group_by(added_rows.c.source))]
    counts: dict[str, int] = {}
    for source, count in found:
        counts[source] = counts.get(source, 0) + count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
