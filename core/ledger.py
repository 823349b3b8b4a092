"""The ledger: predictions, feedback, drift checks, decisions, promotions and label requests, in one database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    ScalarSelect,
    Select,
    Table,
    func,
    insert,
    select,
    tuple_,
)

from core.arrays import Floats
from core.arrivals import READ_PER_TEXT, ROWS_AT_ONCE, Arrivals
from core.clock import days_ago, utc_now
from core.config import Config
from core.database import BUSY_S, Database
from core.datasets import input_of, key_or
from core.errors import CheckedMeanwhile
from core.labels import Kind
from core.ledger_tables.added_rows import AddedRows
from core.ledger_tables.draws import AUDIT, Draws
from core.ledger_tables.label_rules import LabelRules
from core.ledger_tables.label_sources import set_aside, text_key, within_quota
from core.ledger_tables.loop_steps import LoopSteps
from core.ledger_tables.proposals import Proposals
from core.ledger_tables.standing import Standings
from core.ledger_tables.untold import Untold, has_label, is_untold
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
    RequestedLabels,
    StoredPrediction,
    Verdict,
    Wanted,
)
from core.schema import (
    cannot_tell,
    checks,
    decisions,
    feedback,
    is_of_file,
    is_of_model,
    label_requests,
    predictions,
    promotions,
)
from core.stored import as_stored, restored
from core.taxonomy import Taxonomy
from core.trust import LATEST, Contradictions, Counting, GivenBy, Trust, contradictions, trusted

_VERDICT = checks.c.verdict["verdict"].as_string()
_IS_CONCLUSIVE = _VERDICT != "insufficient_data"
_ANSWER = (
    predictions.c.id.label("prediction_id"),
    predictions.c.text,
    predictions.c.pair,
    predictions.c.label.label("predicted"),
    predictions.c.score,
)
"""The columns, named as the fields of `LabelledPrediction` and `LabelRequest`."""


class Ledger:
    """Every method is one transaction. Safe to use from many processes and threads.

    `expire_days`: after so many days a label request is no longer open; 0: never.
    """

    def __init__(self, database: Database, *, expire_days: int = 0) -> None:
        self.database = database
        self._expire_days = expire_days
        self._read_labels: tuple[tuple[Any, ...], list[LabelledPrediction]] | None = None
        self.rules = LabelRules(database)
        self.added = AddedRows(database)
        self.untold = Untold(database)
        self.draws = Draws(database)
        self.standings = Standings(database)
        self.arrivals = Arrivals(database)
        self.loop_steps = LoopSteps(database)
        self.proposals = Proposals(database)

    def record_predictions(self, records: Sequence[PredictionRecord]) -> None:
        # asdict would copy the values, which takes longer than the insert.
        rows = [{**vars(record), "embedding": _packed(record.embedding)} for record in records]
        if rows:
            with self.database.write() as connection:
                connection.execute(insert(predictions), rows)

    def record_feedback(self, records: Sequence[FeedbackRecord]) -> list[bool]:
        """Store labels durably; return for each record whether its prediction is known.

        A label that a source repeats adds no row. If the source changes it and later changes it back, the last counts;
        a label ends that the source cannot tell it.
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
                connection.execute(cannot_tell.delete().where(_answered_by(fresh)))
                connection.execute(insert(feedback), [{**asdict(record), "created_at": utc_now()} for record in fresh])
        return [record.prediction_id in known for record in records]

    def models_of(self, prediction_ids: Iterable[str], *, after_writers: bool = False) -> dict[str, str]:
        """The model of each known prediction by its id.

        `after_writers`: wait until current writers have committed; one of them may write these predictions.
        """
        query = select(predictions.c.id, predictions.c.model).where(predictions.c.id.in_(set(prediction_ids)))
        with self.database.write() if after_writers else self.database.read() as connection:
            return {row.id: row.model for row in connection.execute(query)}

    def given_labels(self, model: str, *, apart_from: Collection[str] = ()) -> list[str]:
        """The distinct labels that people gave, as they are stored. Few predictions are looked up: of each label those
        until the first of the model.
        """
        given = select(feedback.c.label).where(feedback.c.label.not_in(apart_from)).distinct().subquery()
        of_model = (
            select(1)
            .join_from(feedback, predictions, feedback.c.prediction_id == predictions.c.id)
            .where(feedback.c.label == given.c.label, is_of_model(model))
        )
        with self.database.read() as connection:
            return list(connection.scalars(select(given.c.label).where(of_model.exists())))

    def answers_of(self, prediction_ids: Iterable[str]) -> dict[str, str]:
        """The predicted label of each known prediction by its id."""
        query = select(predictions.c.id, predictions.c.label).where(predictions.c.id.in_(set(prediction_ids)))
        with self.database.read() as connection:
            return {row.id: row.label for row in connection.execute(query)}

    def window(
        self, model: str, version: str, *, limit: int, after: int = 0, until: int | None = None
    ) -> list[StoredPrediction]:
        """The most recent `limit` different texts of one version, each by its last prediction; the oldest one first.

        `after`: number that theirs are greater than; `until`: greatest of their numbers. At most `READ_PER_TEXT`
        predictions are read for each text. A prediction without a stored text is a text of its own.
        """
        query = (
            select(predictions)
            .where(predictions.c.model == model, predictions.c.version == version, predictions.c.number > after)
            .order_by(predictions.c.number.desc())
            .limit(limit * READ_PER_TEXT)
        )
        query = query if until is None else query.where(predictions.c.number <= until)
        rows: dict[str, StoredPrediction] = {}
        copies: Counter[str] = Counter()
        options = {"yield_per": ROWS_AT_ONCE}
        with self.database.read() as connection, connection.execute(query, execution_options=options) as found:
            for row in found.mappings():
                key = key_or(input_of(row["text"], row["pair"]), row["id"])
                if key not in rows:
                    if len(rows) == limit:
                        break
                    rows[key] = _prediction(row)
                copies[key] += 1
        return [
            row if copies[key] == 1 else replace(row, copies=copies[key])  # `replace` takes 20 µs
            for key, row in reversed(rows.items())
        ]

    def rows_after(self, model: str, version: str, *, after: int, limit: int) -> list[StoredPrediction]:
        """The first predictions of a version after a number, oldest first."""
        which = (predictions.c.model == model, predictions.c.version == version, predictions.c.number > after)
        query = select(predictions).where(*which).order_by(predictions.c.number).limit(limit)
        return [_prediction(row) for row in self._rows(query)]

    def count_predictions(self, model: str, version: str, *, most: int | None = None) -> int:
        """`most`: where the count ends; one without an end reads the index of all predictions of the version."""
        rows = select(predictions.c.number).where(predictions.c.model == model, predictions.c.version == version)
        with self.database.read() as connection:
            return connection.execute(select(func.count()).select_from(rows.limit(most).subquery())).scalar_one()

    def count_labels(self, model: str) -> int:
        """The number of predictions of a model with a label from people."""
        query = select(func.count(feedback.c.prediction_id.distinct()))
        query = query.join(predictions, feedback.c.prediction_id == predictions.c.id).where(is_of_model(model))
        with self.database.read() as connection:
            return connection.execute(query).scalar_one()

    def labelled(
        self, model: str, *, kind: Kind = "single-label", counting: Counting = LATEST
    ) -> list[LabelledPrediction]:
        """Predictions with the label that counts, oldest label first.

        Labels of sources that are set aside (`core.ledger_tables.label_sources`) or beyond their quota do not count.
        With trust in the latest label, that is the last one of the prediction, else it is found among all labels of the
        text; texts without one are left out. Label and answer have their names of today; predictions with a retired
        label are left out. `kind`: of the model.
        """
        return _that_count(self._labels(model, kind), counting)

    def labelled_lately(
        self, model: str, *, most: int, kind: Kind = "single-label", counting: Counting = LATEST
    ) -> list[LabelledPrediction]:
        """As `labelled`, but by the last `most` labels of all models alone, whatever the ledger's size."""
        with self.database.read() as connection:
            last = connection.scalar(select(func.max(feedback.c.id))) or 0
        taxonomy = self.rules.taxonomy(model, kind)
        return _that_count(self._labels_by(taxonomy, model, after=last - most), counting)

    def contradictions(self, model: str, *, kind: Kind = "single-label", trust: Trust = "latest") -> Contradictions:
        """Texts that sources label differently, each source by its last label of the text, and the sources that are
        set aside.
        """
        rows = self._labels(model, kind)
        aside = set_aside(rows, trust)
        texts = _by_text(row for row in rows if row.source not in aside)
        return replace(contradictions({key: by.values() for key, by in texts.items()}, trust), set_aside=aside)

    def _labels(self, model: str, kind: Kind) -> list[LabelledPrediction]:
        """All labels in the order in which they were given, each with its prediction, by their names of today.

        Those that were read last are kept until a label or a rule comes or goes: a round asks for them several times.
        """
        taxonomy = self.rules.taxonomy(model, kind)
        with self.database.read() as connection:
            # A label that changes is another row, with a greater id, so these two tell every change.
            count, last = connection.execute(select(func.count(), func.max(feedback.c.id))).one()
        state = (model, kind, taxonomy.rules, count, last)
        if self._read_labels is None or self._read_labels[0] != state:
            self._read_labels = state, self._labels_by(taxonomy, model)
        return self._read_labels[1]

    def _labels_by(self, taxonomy: Taxonomy, model: str, *, after: int = 0) -> list[LabelledPrediction]:
        """`after`: number that theirs are greater than."""
        query = (
            select(*_ANSWER, predictions.c.version, predictions.c.key, predictions.c.number)
            .add_columns(feedback.c.label, feedback.c.source, feedback.c.created_at.label("labelled_at"))
            .add_columns(feedback.c.id.label("label_number"))
            .join(feedback, feedback.c.prediction_id == predictions.c.id)
            .where(is_of_model(model), feedback.c.id > after)
            .order_by(feedback.c.id)
        )
        found = [(row, taxonomy.today(row["label"])) for row in self._rows(query)]
        # A prediction whose last label is retired has no label.
        retired = {row["prediction_id"]: label is None for row, label in found}
        return [
            LabelledPrediction(
                **{**row, "label": label, "predicted": taxonomy.today(row["predicted"]) or row["predicted"]}
            )
            for row, label in found
            if label is not None and not retired[row["prediction_id"]]
        ]

    def embeddings(self, prediction_ids: Sequence[str], *, version: str) -> dict[str, Floats]:
        """The embedding (d,) of each of these predictions that the version made, by its id."""
        query = select(predictions.c.id, predictions.c.embedding).where(
            predictions.c.id.in_(prediction_ids), predictions.c.version == version
        )
        return {row["id"]: _unpacked(row["embedding"]) for row in self._rows(query)}

    def label_times(self, model: str, *, kind: Kind = "single-label") -> list[tuple[str, int, str]]:
        """Key of the text, number and time of each label, in the order in which they were given."""
        return [(text_key(row), row.label_number, row.labelled_at) for row in self._labels(model, kind)]

    def sources_set_aside(self, model: str, *, kind: Kind = "single-label", trust: Trust = "latest") -> dict[str, str]:
        """The sources whose labels count for nothing, each with the reason."""
        return set_aside(self._labels(model, kind), trust)

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
        """Store a check and return its id; `window_end`: id of the last prediction in its window.

        An inconclusive traffic check replaces the traffic check before it if that was inconclusive, too: with little
        traffic there are hundreds of inconclusive checks a day. `follows`: id of the conclusive check after which the
        window begins, 0 if there was none; raises `CheckedMeanwhile` if that is no longer the last one.
        """
        row = {"model": model, "version": version, "source": source, "report": report, "window_end": window_end}
        last_number = select(predictions.c.number).where(predictions.c.id == window_end).scalar_subquery()
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
            return _insert(connection, checks, **row, last_number=last_number, verdict=as_stored(verdict))

    def checks(self, model: str, *, limit: int = 50, before: int | None = None) -> list[CheckRecord]:
        """Checks of traffic and of files, most recent first; `before`: only those with a smaller id."""
        return [_check(row) for row in self._latest(checks, model, limit, *_earlier(checks, before))]

    def traffic_checks(self, model: str, *, limit: int = 50, before: int | None = None) -> list[CheckRecord]:
        """As `checks`, of traffic only."""
        which = checks.c.source == TRAFFIC, *_earlier(checks, before)
        return [_check(row) for row in self._latest(checks, model, limit, *which)]

    def last_conclusive_check(self, model: str, version: str, *, verdict: Outcome | None = None) -> CheckRecord | None:
        """The last conclusive check of a version's traffic; with `verdict`, the last one with this verdict."""
        which = [checks.c.source == TRAFFIC, checks.c.version == version, _IS_CONCLUSIVE]
        if verdict:
            which.append(verdict == _VERDICT)
        return next((_check(row) for row in self._latest(checks, model, 1, *which)), None)

    def file_checks(self, model: str, *, limit: int = 50, before: int | None = None) -> list[CheckRecord]:
        """As `checks`, of files only."""
        return [_check(row) for row in self._latest(checks, model, limit, is_of_file, *_earlier(checks, before))]

    def checks_by_id(self, ids: Collection[int]) -> dict[int, CheckRecord]:
        """Those that there are."""
        return {row["id"]: _check(row) for row in self._rows(select(checks).where(checks.c.id.in_(ids)))}

    def check(self, model: str | None, check_id: int) -> CheckRecord | None:
        """The check, if it is one of the model; None stands for any model."""
        query = select(checks).where(checks.c.id == check_id)
        rows = self._rows(query if model is None else query.where(checks.c.model == model))
        return _check(rows[0]) if rows else None

    def record_report(self, check_id: int, report: str) -> None:
        """`report`: a path relative to the home."""
        with self.database.write() as connection:
            connection.execute(checks.update().where(checks.c.id == check_id).values(report=report))

    def rows_of(self, check: CheckRecord, *, limit: int) -> list[StoredPrediction]:
        """The texts that a conclusive check of traffic compared, as in `window`; erased ones are missing."""
        after = self.last_checked(check.model, check.version, before=check.id)
        limit = max(limit, check.verdict.rows)
        rows = self.window(check.model, check.version, limit=limit, after=after, until=check.last_number or 0)
        repetition = check.verdict.repetition
        return rows[-check.verdict.rows :] if repetition is None else _last_of(rows, predictions=repetition.rows)

    def last_checked(self, model: str, version: str, *, before: int | None = None) -> int:
        """Number of the last prediction that a conclusive check of this version has used; 0 if there is none.

        `before`: only checks with a smaller id count.
        """
        # An older release that uses this ledger stores the id only.
        number = select(predictions.c.number).where(predictions.c.id == checks.c.window_end).scalar_subquery()
        last = func.coalesce(checks.c.last_number, number)
        query = select(last).where(checks.c.model == model, checks.c.version == version, last.is_not(None))
        query = query if before is None else query.where(checks.c.id < before)
        with self.database.read() as connection:
            return connection.scalar(query.order_by(checks.c.id.desc()).limit(1)) or 0

    def record_decision(self, model: str, decision: Decision, *, check_id: int | None) -> int:
        with self.database.write() as connection:
            return _insert(connection, decisions, model=model, check_id=check_id, decision=as_stored(decision))

    def decisions(self, model: str, *, limit: int = 50, before: int | None = None) -> list[DecisionRecord]:
        """Most recent first; `before`: only those with a smaller id."""
        return [_decision(row) for row in self._latest(decisions, model, limit, *_earlier(decisions, before))]

    def decision_after(self, check: CheckRecord) -> DecisionRecord | None:
        """The first decision that a check led to; later ones may rest on it, too, and on labels that came since."""
        which = (decisions.c.model == check.model, decisions.c.check_id == check.id)
        found = self._rows(select(decisions).where(*which).order_by(decisions.c.id).limit(1))
        return next((_decision(row) for row in found), None)

    def last_decision_after(self, check: CheckRecord) -> DecisionRecord | None:
        """The last decision that rests on a check."""
        found = self._latest(decisions, check.model, 1, decisions.c.check_id == check.id)
        return next((_decision(row) for row in found), None)

    def request_labels(self, model: str, wanted: Sequence[Wanted], *, check_id: int | None) -> None:
        """Replace the label requests of a model by `wanted`, in that order; requests for audits stay."""
        request = {"model": model, "check_id": check_id, "created_at": utc_now()}
        rows = [{**request, **asdict(one), "rank": rank} for rank, one in enumerate(wanted)]
        wanted_ids = {one.prediction_id for one in wanted}
        with self.database.write() as connection:
            for which in (label_requests.c.purpose != AUDIT, label_requests.c.prediction_id.in_(wanted_ids)):
                connection.execute(label_requests.delete().where(label_requests.c.model == model, which))
            if rows:
                connection.execute(insert(label_requests), rows)

    def label_requests(self, model: str) -> list[LabelRequest]:
        """The open requests, which have no label yet and did not expire: as in `request_labels`, then for audits."""
        query = (
            select(*_ANSWER, label_requests.c.purpose, label_requests.c.check_id)
            .add_columns(label_requests.c.chance, label_requests.c.group)
            .join(label_requests, label_requests.c.prediction_id == predictions.c.id)
            .where(label_requests.c.model == model, _is_unanswered(), ~self._is_expired())
            .order_by(label_requests.c.purpose == AUDIT, label_requests.c.created_at, label_requests.c.rank)
        )
        return [LabelRequest(**row) for row in self._rows(query)]

    def label_progress(self, model: str, version: str, *, after: int = 0) -> RequestedLabels:
        """The requests for predictions of one version with a number greater than `after`, without those for audits and
        those for near texts of a group, which nothing waits for.
        """
        of_version = (predictions.c.version == version, predictions.c.number > after)
        return self._requested(model, label_requests.c.purpose != AUDIT, *of_version)

    def asked_labels(self, model: str) -> RequestedLabels:
        """All requests, those for audits too, without those for near texts of a group."""
        return self._requested(model)

    def _requested(self, model: str, *which: ColumnElement[bool]) -> RequestedLabels:
        untold, expired = is_untold() & ~has_label(), self._is_expired() & _is_unanswered()
        query = (
            select(
                func.count().label("requested"),
                func.count().filter(has_label()).label("given"),
                func.count().filter(untold).label("cannot_tell"),
                func.count().filter(expired).label("expired"),
                func.max(label_requests.c.check_id).label("check_id"),
            )
            .join_from(label_requests, predictions, label_requests.c.prediction_id == predictions.c.id)
            .where(label_requests.c.model == model, _is_asked(), *which)
        )
        with self.database.read() as connection:
            return RequestedLabels(**connection.execute(query).mappings().one())

    def expired_requests(self, model: str) -> set[str]:
        """Ids of the predictions whose label was requested and did not come in time."""
        query = (
            select(predictions.c.id)
            .join(label_requests, label_requests.c.prediction_id == predictions.c.id)
            .where(label_requests.c.model == model, _is_unanswered(), self._is_expired())
        )
        with self.database.read() as connection:
            return set(connection.scalars(query))

    def _is_expired(self) -> ColumnElement[bool]:
        return label_requests.c.created_at < days_ago(self._expire_days)

    def record_promotion(
        self,
        model: str,
        version: str,
        *,
        previous: str | None,
        promoted: bool,
        reason: str,
        gate: GateRecord | None,
        forced: bool = False,
    ) -> int:
        row: dict[str, Any] = {"model": model, "version": version, "previous": previous, "promoted": promoted}
        row |= {"reason": reason, "forced": forced}
        place = {"after_number": _last(predictions.c.number), "after_label": _last(feedback.c.id)}
        with self.database.write() as connection:
            return _insert(connection, promotions, **row, **place, gate=as_stored(gate) if gate else {})

    def promoted_after(self, model: str, version: str) -> int:
        """Number of the last prediction before the version was last promoted; 0 if no promotion is recorded."""
        which = promotions.c.version == version, promotions.c.promoted
        return next((row["after_number"] or 0 for row in self._latest(promotions, model, 1, *which)), 0)

    def promotions(self, model: str, *, limit: int = 50, before: int | None = None) -> list[PromotionRecord]:
        """Promotions and refusals, most recent first; `before`: only those with a smaller id."""
        return [_promotion(row) for row in self._latest(promotions, model, limit, *_earlier(promotions, before))]

    def promotions_of(self, model: str, version: str) -> list[PromotionRecord]:
        """Promotions and refusals of one version, most recent first."""
        return [_promotion(row) for row in self._latest(promotions, model, 50, promotions.c.version == version)]

    def forced_versions(self, model: str) -> set[str]:
        """The versions that were ever promoted by force."""
        query = select(promotions.c.version).where(promotions.c.model == model, promotions.c.forced.is_(True))
        with self.database.read() as connection:
            return set(connection.scalars(query))

    def _latest(self, table: Table, model: str, limit: int, *which: ColumnElement[bool]) -> Sequence[RowMapping]:
        query = select(table).where(table.c.model == model, *which).order_by(table.c.id.desc()).limit(limit)
        return self._rows(query)

    def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        with self.database.read() as connection:
            return connection.execute(query).mappings().all()


def _that_count(rows: list[LabelledPrediction], counting: Counting) -> list[LabelledPrediction]:
    """See `Ledger.labelled`; `rows`: in the order of their labels."""
    trust = counting.trust
    aside = set_aside(rows, trust)
    rows = within_quota([row for row in rows if row.source not in aside], counting.quota)
    latest = {row.prediction_id: row for row in rows}
    if trust != "latest":
        given = _by_text(rows)
        counts = {key: trusted(list(by.values()), trust) for key, by in given.items()}
        found = {key: (row, counts[text_key(row)]) for key, row in latest.items()}
        latest = {key: replace(row, label=label) for key, (row, label) in found.items() if label is not None}
    return sorted(latest.values(), key=lambda row: row.label_number)


def _by_text(rows: Iterable[LabelledPrediction]) -> dict[str, dict[str, GivenBy]]:
    """The last label of each source, by text and source; a prediction without a stored text is a text of its own."""
    given: dict[str, dict[str, GivenBy]] = {}
    for row in rows:
        given.setdefault(text_key(row), {})[row.source] = GivenBy(row.source, row.label, row.label_number)
    return given


def open_ledger(config: Config, *, busy_s: float = BUSY_S) -> Ledger:
    """`busy_s`: how long a write waits for another writer. Raises as `Database`."""
    return Ledger(Database(config.ledger_url, busy_s=busy_s), expire_days=config.labels.expire_days)


def _insert(connection: Connection, table: Table, **values: Any) -> int:
    """Insert a row, created now; return its id."""
    row = insert(table).values(**values, created_at=utc_now()).returning(table.c.id)
    key: int = connection.execute(row).scalar_one()
    return key


def _earlier(table: Table, before: int | None) -> list[ColumnElement[bool]]:
    return [] if before is None else [table.c.id < before]


def _last(number: Column[int]) -> ScalarSelect[int]:
    return select(func.coalesce(func.max(number), 0)).scalar_subquery()


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


def _last_of(rows: Sequence[StoredPrediction], *, predictions: int) -> list[StoredPrediction]:
    """The last texts, up to this number of predictions with their copies."""
    last: list[StoredPrediction] = []
    for row in reversed(rows):
        if predictions <= 0:
            break
        last.append(row)
        predictions -= row.copies
    return last[::-1]


def _is_unanswered() -> ColumnElement[bool]:
    return ~has_label() & ~is_untold()


def _is_asked() -> ColumnElement[bool]:
    """Whether a request is for a text alone or the typical one of a group."""
    return label_requests.c.group.is_(None) | (label_requests.c.group == label_requests.c.prediction_id)


def _answered_by(records: Sequence[FeedbackRecord]) -> ColumnElement[bool]:
    """Selects what the sources of the records said about their predictions that they cannot tell."""
    answered = {(record.prediction_id, record.source) for record in records}
    return tuple_(cannot_tell.c.prediction_id, cannot_tell.c.source).in_(answered)


def _packed(embedding: Any) -> bytes:
    # Half precision is enough to compare distributions; 384 values take 768 bytes.
    return np.asarray(embedding, dtype="<f2").tobytes()


def _unpacked(embedding: bytes) -> Floats:
    return np.frombuffer(embedding, dtype="<f2").astype(np.float32)


def _prediction(row: RowMapping) -> StoredPrediction:
    values = dict(row)
    values["embedding"] = _unpacked(values["embedding"])
    return StoredPrediction(**values)


def _check(row: RowMapping) -> CheckRecord:
    return CheckRecord(**{**row, "verdict": restored(Verdict, row["verdict"])})


def _decision(row: RowMapping) -> DecisionRecord:
    return DecisionRecord(**{**row, "decision": restored(Decision, row["decision"])})


def _promotion(row: RowMapping) -> PromotionRecord:
    gate = restored(GateRecord, row["gate"]) if row["gate"] else None
    return PromotionRecord(**{**row, "gate": gate, "forced": bool(row["forced"])})
