"""Rules of labels and doubtful labels in the ledger's database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from core.clock import utc_now
from core.database import Database
from core.labels import Kind
from core.records import FeedbackRecord
from core.schema import doubtful_labels, label_rules
from core.taxonomy import LabelRule, Taxonomy

_RULE = (
    label_rules.c.action,
    label_rules.c.label,
    label_rules.c.target,
    label_rules.c.undoes,
    label_rules.c.by,
    label_rules.c.reason,
    label_rules.c.created_at,
    label_rules.c.id,
)


@dataclass(frozen=True)
class DoubtfulLabel:
    """A label that waits for a person, and how many predictions it was given to."""

    label: str
    rows: int


class LabelRules:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def taxonomy(self, model: str, kind: Kind = "single-label") -> Taxonomy:
        with self._database.read() as connection:
            return _taxonomy(connection, model, kind)

    def add(self, model: str, rule: LabelRule, kind: Kind = "single-label") -> None:
        """Raises `LabelRuleRefused`."""
        row = {name: value for name, value in vars(rule).items() if name != "id"}
        with self._database.write() as connection:
            # In the same transaction, so that two rules added at once cannot contradict each other.
            _taxonomy(connection, model, kind).require_possible(rule)
            connection.execute(insert(label_rules), [{**row, "model": model, "created_at": utc_now()}])

    def hold(self, model: str, records: Sequence[FeedbackRecord]) -> None:
        """Keep doubtful labels until a person confirms or maps them."""
        if not records:
            return
        rows = [{**vars(record), "model": model, "created_at": utc_now()} for record in dict.fromkeys(records)]
        with self._database.write() as connection:
            for row in rows:
                connection.execute(doubtful_labels.delete().where(*_same(row)))
            connection.execute(insert(doubtful_labels), rows)

    def doubtful(self, model: str) -> list[DoubtfulLabel]:
        """The doubtful labels, the most frequent first."""
        rows = func.count()
        query = (
            select(doubtful_labels.c.label, rows)
            .where(doubtful_labels.c.model == model)
            .group_by(doubtful_labels.c.label)
            .order_by(rows.desc(), doubtful_labels.c.label)
        )
        with self._database.read() as connection:
            return [DoubtfulLabel(label, count) for label, count in connection.execute(query)]

    def held(self, model: str, label: str) -> list[FeedbackRecord]:
        """The predictions that have the doubtful label, in the order in which it was given."""
        query = (
            select(doubtful_labels.c.prediction_id, doubtful_labels.c.label, doubtful_labels.c.source)
            .where(doubtful_labels.c.model == model, doubtful_labels.c.label == label)
            .order_by(doubtful_labels.c.id)
        )
        with self._database.read() as connection:
            return [FeedbackRecord(*row) for row in connection.execute(query)]

    def drop(self, records: Sequence[FeedbackRecord]) -> None:
        """They are doubtful no more."""
        with self._database.write() as connection:
            for record in records:
                connection.execute(doubtful_labels.delete().where(*_same(vars(record))))


def _taxonomy(connection: Connection, model: str, kind: Kind) -> Taxonomy:
    query = select(*_RULE).where(label_rules.c.model == model).order_by(label_rules.c.id)
    return Taxonomy([LabelRule(**row) for row in connection.execute(query).mappings()], kind)


def _same(values: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    return [doubtful_labels.c[name] == values[name] for name in ("prediction_id", "label", "source")]
