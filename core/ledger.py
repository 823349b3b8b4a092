"""The ledger: predictions, feedback, drift checks, decisions, promotions and label requests, in one database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, func, insert, select, true

from core.clock import utc_now
from core.config import Config
from core.database import BUSY_S, Database
from core.errors import CheckedMeanwhile
from core.records import (
    TRAFFIC,
    CheckRecord,
    Decision,
    DecisionRecord,
    FeedbackRecord,
    GateRecord,
    LabelledPrediction,
    LabelRequest,
    Outcome,
    PredictionRecord,
    PromotionRecord,
    Purpose,
    Verdict,
)
from core.schema import checks, decisions, feedback, label_requests, predictions, promotions
from core.stored import as_stored, restored

_VERDICT = checks.c.verdict["verdict"].as_string()
_IS_CONCLUSIVE = _VERDICT != "insufficient_data"
_ANSWER = (
    predictions.c.id.label("prediction_id"),
    predictions.c.text,
    predictions.c.pair,
    predictions.c.label.label("predicted"),
    predictions.c.score,
)
"""Labelled with the field names of `LabelledPrediction` and `LabelRequest`."""


class Ledger:
    """Every method is one transaction. Safe to use from many processes and threads."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def record_predictions(self, records: Sequence[PredictionRecord]) -> None:
        # asdict would copy the values, which takes longer than the insert.
        rows = [{**vars(record), "embedding": _packed(record.embedding)} for record in records]
        if rows:
            with self.database.write() as connection:
                connection.execute(insert(predictions), rows)

    def record_feedback(self, records: Sequence[FeedbackRecord]) -> list[bool]:
        """Store labels durably; return for each record whether its prediction is known.

        A label that a source repeats is one row. A label that it corrects and later repeats is its latest label.
        """
        with self.database.write() as connection:
            wanted = {record.prediction_id for record in records}
            known = set(connection.scalars(select(predictions.c.id).where(predictions.c.id.in_(wanted))))
            stored = connection.execute(
                select(feedback.c.prediction_id, feedback.c.label, feedback.c.source)
                .where(feedback.c.prediction_id.in_(wanted))
                .order_by(feedback.c.id)
            )
            before = [FeedbackRecord(*row) for row in stored]
            fresh = _changed([record for record in records if record.prediction_id in known], before)
            for record in set(before).intersection(fresh):
                is_same = [feedback.c[name] == value for name, value in vars(record).items()]
                connection.execute(feedback.delete().where(*is_same))
            if fresh:
                connection.execute(insert(feedback), [{**asdict(record), "created_at": utc_now()} for record in fresh])
        return [record.prediction_id in known for record in records]

    def models_of(self, prediction_ids: Iterable[str], *, after_writers: bool = False) -> dict[str, str]:
        """The model of each known prediction by its id.

        `after_writers`: wait until current writers have committed; one of them may write these predictions.
        """
        query = select(predictions.c.id, predictions.c.model).where(predictions.c.id.in_(set(prediction_ids)))
        with self.database.write() if after_writers else self.database.read() as connection:
            return {row.id: row.model for row in connection.execute(query)}

    def window(self, model: str, version: str, *, limit: int, after: str = "") -> list[PredictionRecord]:
        """The most recent predictions of one version with an id greater than `after`, oldest first."""
        query = (
            select(predictions)
            .where(predictions.c.model == model, predictions.c.version == version, predictions.c.id > after)
            .order_by(predictions.c.id.desc())
            .limit(limit)
        )
        return [_prediction(row) for row in reversed(self._rows(query))]

    def count_predictions(self, model: str, version: str) -> int:
        query = select(func.count()).where(predictions.c.model == model, predictions.c.version == version)
        with self.database.read() as connection:
            return connection.execute(query.select_from(predictions)).scalar_one()

    def labelled(self, model: str, *, since: str = "") -> list[LabelledPrediction]:
        """Predictions with their latest label, oldest label first; `since`: earliest time of a label."""
        query = (
            select(*_ANSWER, predictions.c.version, feedback.c.label, feedback.c.source)
            .add_columns(feedback.c.created_at.label("labelled_at"))
            .join(feedback, feedback.c.prediction_id == predictions.c.id)
            .where(predictions.c.model == model, feedback.c.created_at >= since)
            .order_by(feedback.c.id)
        )
        latest: dict[str, LabelledPrediction] = {}
        for row in self._rows(query):
            latest.pop(row["prediction_id"], None)  # ordered by the latest label
            latest[row["prediction_id"]] = LabelledPrediction(**row)
        return list(latest.values())

    def record_check(
        self,
        model: str,
        version: str,
        verdict: Verdict,
        *,
        source: str,
        report: str | None = None,
        window_end: str | None = None,
        follows: int | None = None,
    ) -> int:
        """Store a check and return its id.

        An inconclusive check of traffic replaces an inconclusive one directly before it: with little traffic there are
        hundreds of them a day. `follows`: id of the conclusive check after which its window begins, 0 if there was
        none; raises `CheckedMeanwhile` if that is no longer the last one.
        """
        row = {"model": model, "version": version, "source": source, "report": report, "window_end": window_end}
        with self.database.write() as connection:
            if follows is not None:
                conclusive = (checks.c.model == model, checks.c.version == version, checks.c.source == TRAFFIC)
                if follows != (
                    connection.scalar(select(func.max(checks.c.id)).where(*conclusive, _IS_CONCLUSIVE)) or 0
                ):
                    raise CheckedMeanwhile(model)
            if source == TRAFFIC and not verdict.is_conclusive:
                latest = select(func.max(checks.c.id)).where(checks.c.model == model, checks.c.source == TRAFFIC)
                same = checks.c.id == latest.scalar_subquery(), checks.c.version == version, ~_IS_CONCLUSIVE
                connection.execute(checks.delete().where(*same))
            return _insert(connection, checks, **row, verdict=as_stored(verdict))

    def checks(self, model: str, *, limit: int = 50) -> list[CheckRecord]:
        """Checks of traffic and of files, most recent first."""
        return [_check(row) for row in self._latest(checks, model, limit)]

    def traffic_checks(self, model: str, *, limit: int = 50) -> list[CheckRecord]:
        """Most recent first."""
        return [_check(row) for row in self._latest(checks, model, limit, checks.c.source == TRAFFIC)]

    def last_conclusive_check(self, model: str, version: str, *, verdict: Outcome | None = None) -> CheckRecord | None:
        """The last conclusive check of a version's traffic; with `verdict`, the last one with this verdict."""
        which = [checks.c.source == TRAFFIC, checks.c.version == version, _IS_CONCLUSIVE]
        if verdict:
            which.append(verdict == _VERDICT)
        return next((_check(row) for row in self._latest(checks, model, 1, *which)), None)

    def file_checks(self, model: str, *, limit: int = 50) -> list[CheckRecord]:
        """Most recent first."""
        return [_check(row) for row in self._latest(checks, model, limit, checks.c.source != TRAFFIC)]

    def check(self, model: str | None, check_id: int) -> CheckRecord | None:
        """The check, if it is one of the model; None stands for any model."""
        rows = self._rows(
            select(checks).where(checks.c.id == check_id, true() if model is None else checks.c.model == model)
        )
        return _check(rows[0]) if rows else None

    def record_report(self, check_id: int, report: str) -> None:
        """`report`: a path relative to the home."""
        with self.database.write() as connection:
            connection.execute(checks.update().where(checks.c.id == check_id).values(report=report))

    def rows_of(self, check: CheckRecord) -> list[PredictionRecord]:
        """The rows that a conclusive check of traffic compared, oldest first; erased ones are missing."""
        same = checks.c.model == check.model, checks.c.version == check.version
        before = select(func.max(checks.c.window_end)).where(*same, checks.c.id < check.id).scalar_subquery()
        query = (
            select(predictions)
            .where(predictions.c.model == check.model, predictions.c.version == check.version)
            .where(predictions.c.id <= (check.window_end or ""), predictions.c.id > func.coalesce(before, ""))
            .order_by(predictions.c.id.desc())
            .limit(check.verdict.rows)
        )
        return [_prediction(row) for row in reversed(self._rows(query))]

    def last_window_end(self, model: str, version: str) -> str:
        """Id of the last prediction that a conclusive check of this version has used; "" if there is none."""
        query = select(func.max(checks.c.window_end)).where(checks.c.model == model, checks.c.version == version)
        with self.database.read() as connection:
            return connection.execute(query).scalar_one() or ""

    def record_decision(self, model: str, decision: Decision, *, check_id: int | None) -> int:
        with self.database.write() as connection:
            return _insert(connection, decisions, model=model, check_id=check_id, decision=as_stored(decision))

    def decisions(self, model: str, *, limit: int = 50) -> list[DecisionRecord]:
        """Most recent first."""
        rows = self._latest(decisions, model, limit)
        return [DecisionRecord(**{**row, "decision": restored(Decision, row["decision"])}) for row in rows]

    def request_labels(self, model: str, wanted: Sequence[tuple[str, Purpose]], *, check_id: int | None) -> None:
        """Replace the label requests of a model by `wanted` (prediction id, purpose), in that order."""
        request = {"model": model, "check_id": check_id, "created_at": utc_now()}
        rows = [
            {**request, "prediction_id": prediction_id, "rank": rank, "purpose": purpose}
            for rank, (prediction_id, purpose) in enumerate(wanted)
        ]
        with self.database.write() as connection:
            connection.execute(label_requests.delete().where(label_requests.c.model == model))
            if rows:
                connection.execute(insert(label_requests), rows)

    def label_requests(self, model: str) -> list[LabelRequest]:
        """The requests without an answer, in the order of `request_labels`."""
        answered = select(feedback.c.prediction_id).where(feedback.c.prediction_id == predictions.c.id).exists()
        query = (
            select(*_ANSWER, label_requests.c.purpose, label_requests.c.check_id)
            .join(label_requests, label_requests.c.prediction_id == predictions.c.id)
            .where(label_requests.c.model == model, ~answered)
            .order_by(label_requests.c.rank)
        )
        return [LabelRequest(**row) for row in self._rows(query)]

    def label_progress(self, model: str, version: str, *, after: str = "") -> tuple[int, int, int | None]:
        """Counts over predictions of one version with an id greater than `after`: requested labels, answered requests;
        and the id of the last check that requested labels.
        """
        answered = select(feedback.c.id).where(feedback.c.prediction_id == predictions.c.id).exists()
        query = (
            select(func.count(), func.count().filter(answered), func.max(label_requests.c.check_id))
            .join_from(label_requests, predictions, label_requests.c.prediction_id == predictions.c.id)
            .where(label_requests.c.model == model, predictions.c.version == version, predictions.c.id > after)
        )
        with self.database.read() as connection:
            requested, given, check_id = connection.execute(query).one()
        return requested, given, check_id

    def record_promotion(
        self, model: str, version: str, *, previous: str | None, promoted: bool, reason: str, gate: GateRecord | None
    ) -> int:
        row = {"model": model, "version": version, "previous": previous, "promoted": promoted, "reason": reason}
        with self.database.write() as connection:
            return _insert(connection, promotions, **row, gate=as_stored(gate) if gate else {})

    def promotions(self, model: str, *, limit: int = 50) -> list[PromotionRecord]:
        """Promotions and refusals, most recent first."""
        return [_promotion(row) for row in self._latest(promotions, model, limit)]

    def _latest(self, table: Table, model: str, limit: int, *which: ColumnElement[bool]) -> Sequence[RowMapping]:
        query = select(table).where(table.c.model == model, *which).order_by(table.c.id.desc()).limit(limit)
        return self._rows(query)

    def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        with self.database.read() as connection:
            return connection.execute(query).mappings().all()


def open_ledger(config: Config, *, busy_s: float = BUSY_S) -> Ledger:
    """`busy_s`: how long a write waits for another one. Raises as `Database`."""
    return Ledger(Database(config.ledger_url, busy_s=busy_s))


def _insert(connection: Connection, table: Table, **values: Any) -> int:
    """Insert a row, created now; return its id."""
    row = insert(table).values(**values, created_at=utc_now()).returning(table.c.id)
    key: int = connection.execute(row).scalar_one()
    return key


def _changed(records: Sequence[FeedbackRecord], before: Sequence[FeedbackRecord]) -> list[FeedbackRecord]:
    """The distinct records that differ from the latest label of the same source for the same prediction."""
    latest = {(record.prediction_id, record.source): record for record in before}
    changed: dict[FeedbackRecord, None] = {}
    for record in records:
        if latest.get((record.prediction_id, record.source)) != record:
            latest[record.prediction_id, record.source] = record
            changed.pop(record, None)  # move it to the end
            changed[record] = None
    return list(changed)


def _packed(embedding: Any) -> bytes:
    # Half precision is enough to compare distributions; 384 values take 768 bytes.
    return np.asarray(embedding, dtype="<f2").tobytes()


def _prediction(row: RowMapping) -> PredictionRecord:
    values = dict(row)
    embedding = np.frombuffer(values.pop("embedding"), dtype="<f2").astype(np.float32)
    return PredictionRecord(**values, embedding=embedding)


def _check(row: RowMapping) -> CheckRecord:
    return CheckRecord(**{**row, "verdict": restored(Verdict, row["verdict"])})


def _promotion(row: RowMapping) -> PromotionRecord:
    return PromotionRecord(**{**row, "gate": restored(GateRecord, row["gate"]) if row["gate"] else None})
