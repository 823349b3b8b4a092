"""The ledger's table of predictions whose label a person cannot tell: no label, and no open request either."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Exists, insert, select

from core.clock import utc_now
from core.database import Database
from core.datasets import input_of, key_or
from core.records import CannotTell
from core.schema import cannot_tell, doubtful_labels, feedback, is_of_model, predictions


class Untold:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, records: Sequence[CannotTell]) -> list[bool]:
        """Store them durably; return for each whether its prediction is known.

        What a source says last counts: its label of the same prediction is taken back.
        """
        wanted = {record.prediction_id for record in records}
        with self._database.write() as connection:
            known = set(connection.scalars(select(predictions.c.id).where(predictions.c.id.in_(wanted))))
            kept = [vars(record) for record in dict.fromkeys(records) if record.prediction_id in known]
            for row in kept:
                for table in (feedback, doubtful_labels, cannot_tell):
                    same = (table.c[name] == value for name, value in row.items())
                    connection.execute(table.delete().where(*same))
            if kept:
                connection.execute(insert(cannot_tell), [{**row, "created_at": utc_now()} for row in kept])
        return [record.prediction_id in known for record in records]

    def keys(self, model: str) -> set[str]:
        """Keys of the texts that a person could not label and that have no label from another one.

        A prediction without a stored text has its id as key.
        """
        query = select(predictions.c.id, predictions.c.text, predictions.c.pair).where(
            is_of_model(model), predictions.c.id.in_(select(cannot_tell.c.prediction_id)), ~has_label()
        )
        with self._database.read() as connection:
            return {key_or(input_of(row.text, row.pair), row.id) for row in connection.execute(query)}


def has_label() -> Exists:
    """Whether the prediction of a query has a label from a person."""
    return select(feedback.c.id).where(feedback.c.prediction_id == predictions.c.id).exists()


def is_untold() -> Exists:
    """Whether a person could not tell the label of the prediction of a query."""
    return select(cannot_tell.c.id).where(cannot_tell.c.prediction_id == predictions.c.id).exists()
