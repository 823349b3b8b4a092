"""Takes back what a source said of predictions: an import that was a mistake, or a source that was wrong."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from core.database import Database
from core.schema import cannot_tell, doubtful_labels, feedback, is_of_model, predictions


@dataclass(frozen=True)
class Retracted:
    """`labels`: of predictions; `doubtful`: those that waited for a person; `cannot_tell`: answers without a label."""

    labels: int = 0
    doubtful: int = 0
    cannot_tell: int = 0

    @property
    def rows(self) -> int:
        return self.labels + self.doubtful + self.cannot_tell


def retract(
    database: Database, model: str, *, source: str, since: str = "", until: str = "9", dry_run: bool = False
) -> Retracted:
    """Delete what the source said of the model's predictions between two times as stored; what it and others said
    before counts again. With `dry_run` it is only counted.
    """
    with database.read() if dry_run else database.write() as connection:
        counts = [
            _taken(connection, table, _said(table, model, source, since, until), dry_run)
            for table in (feedback, doubtful_labels, cannot_tell)
        ]
    return Retracted(*counts)


def _taken(connection: Connection, table: Table, which: list[ColumnElement[bool]], dry_run: bool) -> int:
    if dry_run:
        return connection.execute(select(func.count()).select_from(table).where(*which)).scalar_one()
    return connection.execute(delete(table).where(*which)).rowcount


def _said(table: Table, model: str, source: str, since: str, until: str) -> list[ColumnElement[bool]]:
    of_model = select(predictions.c.id).where(predictions.c.id == table.c.prediction_id, is_of_model(model)).exists()
    return [table.c.source == source, table.c.created_at >= since, table.c.created_at < until, of_model]
