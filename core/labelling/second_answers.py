"""Texts that several people label, and how far their labels agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from core.database import Database
from core.labelling.queue import AskedText
from core.schema import feedback, is_of_model, predictions
from core.taxonomy import Taxonomy


@dataclass(frozen=True)
class Agreement:
    """Of `texts` that two or more people labelled: the share on which the first two agree, and Cohen's kappa, which is
    None where chance alone would make them agree everywhere.
    """

    texts: int
    share: float
    kappa: float | None


def agreement_of(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Of the labels of the first and of the second person (Cohen 1960).

    >>> agreement_of([("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")])
    Agreement(texts=4, share=0.75, kappa=0.5)
    >>> agreement_of([("a", "a")])
    Agreement(texts=1, share=1.0, kappa=None)
    """
    count = len(pairs)
    if not count:
        return Agreement(0, 0.0, None)
    share = sum(first == second for first, second in pairs) / count
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(first[label] * second[label] for label in first) / count**2
    return Agreement(count, share, None if chance == 1 else (share - chance) / (1 - chance))


def agreement(database: Database, model: str, taxonomy: Taxonomy) -> Agreement:
    """Of the first two people of each text, each by their last label, by its name of today."""
    with database.read() as connection:
        twice = (
            select(feedback.c.prediction_id)
            .group_by(feedback.c.prediction_id)
            .having(func.count(feedback.c.source.distinct()) > 1)
        )
        query = (
            select(feedback.c.prediction_id, feedback.c.source, feedback.c.label)
            .join(predictions, predictions.c.id == feedback.c.prediction_id)
            .where(feedback.c.prediction_id.in_(twice), is_of_model(model))
            .order_by(feedback.c.id)
        )
        labels: dict[str, dict[str, str | None]] = defaultdict(dict)
        for row in connection.execute(query):
            labels[row.prediction_id][row.source] = taxonomy.today(row.label)
    pairs = [list(given.values())[:2] for given in labels.values()]
    return agreement_of([(one, other) for one, other in pairs if one is not None and other is not None])


def for_second_answers(database: Database, model: str, source: str, *, limit: int) -> list[AskedText]:
    """Texts that one other person labelled and the source did not, the last labelled ones first."""
    labelled = (
        select(feedback.c.prediction_id, func.max(feedback.c.id).label("last"))
        .group_by(feedback.c.prediction_id)
        .having(func.count(feedback.c.source.distinct()) == 1, func.max(feedback.c.source) != source)
        .subquery()
    )
    query = (
        select(predictions.c.id, predictions.c.text, predictions.c.pair, predictions.c.label, predictions.c.score)
        .join(labelled, labelled.c.prediction_id == predictions.c.id)
        .where(is_of_model(model), predictions.c.text != "")
        .order_by(labelled.c.last.desc())
        .limit(limit)
    )
    with database.read() as connection:
        return [AskedText(*row) for row in connection.execute(query)]
