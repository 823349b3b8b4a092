"""Answers of people on the page for labels: each is stored once however often it is sent, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Table, insert, select, update

from core.clock import utc_now
from core.database import Database
from core.errors import LabelRefused, LabelsOfAnotherModel
from core.feedback import Given, GivenLabel, ModelLabels, StoredLabels, store_labels
from core.labelling.claims import LabelClaims
from core.labels import canonical
from core.ledger import Ledger
from core.records import CannotTell
from core.schema import cannot_tell, doubtful_labels, feedback, label_answers

Said = Literal["label", "cannot_tell", "left"]
Status = Literal["stored", "known", "meanwhile", "doubtful", "refused", "gone", "left", "undone"]


@dataclass(frozen=True)
class Answer:
    """What a person said of texts that they saw together; `id`: made up by who sends it, of at most 64 characters.

    `label`: a name, or several; None unless `said` is "label". `is_meant`: the person confirmed a label that resembles
    another one. `is_second`: the text was shown because another person had labelled it.
    """

    id: str
    predictions: tuple[str, ...]
    said: Said
    label: str | Sequence[str] | None = None
    is_meant: bool = False
    is_second: bool = False


@dataclass(frozen=True)
class Outcome:
    """`told`: what the person should know; `stored`: None if nothing was given to the ledger."""

    status: Status
    told: str = ""
    stored: StoredLabels | None = None


def give(
    ledger: Ledger, model: str, source: str, answer: Answer, *, labels_of: Callable[[str], ModelLabels]
) -> Outcome:
    """Store the answer, unless it is stored already. Raises `Unavailable`, then it may be sent again."""
    answers = LabelAnswers(ledger.database)
    if answers.is_known(answer.id):
        return Outcome("known")
    if answer.said == "left":
        LabelClaims(ledger.database).leave(model, source, answer.predictions)
        answers.record(model, source, answer, None)
        return Outcome("left")
    others = answers.labelled_by_others(answer.predictions, source)
    kind = labels_of(model).kind
    try:
        stored = store_labels(
            ledger, _given(answer, source), labels_of=labels_of, model=model, new_labels=_meant(answer)
        )
    except LabelRefused as error:
        return Outcome("refused", f"The answer was not stored: {error.problem}")
    except LabelsOfAnotherModel as error:
        return Outcome("refused", str(error))
    answers.record(model, source, answer, None if answer.label is None else canonical(answer.label, kind))
    return _outcome(answer, stored, others)


def _given(answer: Answer, source: str) -> list[Given]:
    if answer.label is None:
        return [CannotTell(key, source) for key in answer.predictions]
    return [GivenLabel(key, answer.label, source) for key in answer.predictions]


def _meant(answer: Answer) -> frozenset[str]:
    if not answer.is_meant or answer.label is None:
        return frozenset()
    return frozenset([answer.label] if isinstance(answer.label, str) else answer.label)


def _outcome(answer: Answer, stored: StoredLabels, others: bool) -> Outcome:
    if len(stored.unknown) == len(answer.predictions):
        return Outcome("gone", "The text was erased meanwhile, so there is nothing to label.", stored)
    if stored.doubtful:
        doubt = stored.doubtful[0].sentence
        told = f"{doubt[0].upper()}{doubt[1:]}. It is kept, and waits until an operator accepts or renames it."
        return Outcome("doubtful", told, stored)
    if others and not answer.is_second:
        told = "Another person answered this text meanwhile. Your label is kept beside theirs, as a second one."
        return Outcome("meanwhile", told, stored)
    return Outcome("stored", "", stored)


class LabelAnswers:
    """The answers by their ids. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_known(self, answer_id: str) -> bool:
        with self._database.read() as connection:
            return connection.scalar(select(label_answers.c.said).where(_is(answer_id)).limit(1)) is not None

    def labelled_by_others(self, predictions: Sequence[str], source: str) -> bool:
        query = select(feedback.c.id).where(feedback.c.prediction_id.in_(predictions), feedback.c.source != source)
        with self._database.read() as connection:
            return connection.scalar(query.limit(1)) is not None

    def record(self, model: str, source: str, answer: Answer, label: str | None) -> None:
        """`label`: as it is stored. An answer that two requests bring at once is recorded once."""
        facts = {"answer_id": answer.id, "model": model, "source": source, "said": answer.said, "label": label}
        with self._database.write() as connection:
            if connection.scalar(select(label_answers.c.said).where(_is(answer.id)).limit(1)) is None:
                now = utc_now()
                rows = [{**facts, "prediction_id": key, "created_at": now} for key in dict.fromkeys(answer.predictions)]
                connection.execute(insert(label_answers), rows)

    def take_back(self, model: str, source: str, answer_id: str) -> int:
        """Delete what the source said with this answer, and what it said before counts again; return the number of
        texts. An answer that comes after this is not stored. 0 if it was taken back already.
        """
        mine = (_is(answer_id), label_answers.c.model == model, label_answers.c.source == source)
        with self._database.write() as connection:
            query = select(label_answers).where(*mine, label_answers.c.undone_at.is_(None))
            rows = connection.execute(query).mappings().all()
            for row in rows:
                _delete(connection, row["said"], row["prediction_id"], source, row["label"])
            connection.execute(update(label_answers).where(*mine).values(undone_at=utc_now()))
            if connection.scalar(select(label_answers.c.said).where(_is(answer_id)).limit(1)) is None:
                connection.execute(insert(label_answers), [_never(model, source, answer_id)])
        left = [row["prediction_id"] for row in rows if row["said"] == "left"]
        if left:
            LabelClaims(self._database).take_back(model, source, left)
        return len(rows)


def _never(model: str, source: str, answer_id: str) -> dict[str, str]:
    """The row of an answer that was taken back before it came."""
    now = utc_now()
    row = {"answer_id": answer_id, "prediction_id": "", "model": model, "source": source, "said": "left"}
    return {**row, "created_at": now, "undone_at": now}


def _is(answer_id: str) -> ColumnElement[bool]:
    return label_answers.c.answer_id == answer_id


def _delete(connection: Connection, said: Said, prediction_id: str, source: str, label: str | None) -> None:
    tables: tuple[Table, ...] = {"label": (feedback, doubtful_labels), "cannot_tell": (cannot_tell,), "left": ()}[said]
    for table in tables:
        which = [table.c.prediction_id == prediction_id, table.c.source == source]
        which += [] if label is None else [table.c.label == label]
        connection.execute(table.delete().where(*which))
