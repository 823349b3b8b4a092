"""The latest labels from people: when they were given, how many answers they confirm, and which they correct."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from sqlalchemy import func, select

from core.clock import created_at_s
from core.datasets import input_of, is_held_out
from core.labels import Kind, names_of
from core.ledger import Ledger
from core.schema import feedback, is_of_model, predictions
from core.series.span import Span
from core.share import Share, measured

READ = 1_000
"""Labels that are read at most."""
MEASURED_PARTS = 12
LEAST_ROWS = 5
"""A share of fewer rows says nothing."""


@dataclass(frozen=True)
class GivenLabel:
    """A label and the answer that it judges, by their names of today; `answered_s`: when it was predicted.

    `measures`: whether its text is held out from training, so that it may measure.
    """

    prediction_id: str
    version: str
    predicted: str
    label: str
    given_at: str
    measures: bool

    @property
    def answered_s(self) -> float:
        return created_at_s(self.prediction_id)


@dataclass(frozen=True)
class MeasuredPart:
    """The accuracy of one version on the labelled rows of one part of the time."""

    start_s: float
    end_s: float
    version: str
    accuracy: Share


def given_labels(ledger: Ledger, model: str, kind: Kind) -> list[GivenLabel]:
    """The last label of each prediction, among the last `READ` that were given; the oldest first."""
    columns = (predictions.c.version, predictions.c.text, predictions.c.pair, predictions.c.label.label("predicted"))
    query = (
        select(feedback.c.prediction_id, feedback.c.label, feedback.c.created_at, *columns)
        .join(predictions, feedback.c.prediction_id == predictions.c.id)
        .where(is_of_model(model), feedback.c.id > _beyond())
        .order_by(feedback.c.id)
    )
    taxonomy = ledger.rules.taxonomy(model, kind)
    with ledger.database.read() as connection:
        rows = {row.prediction_id: row for row in connection.execute(query).all()}
    found = []
    for row in rows.values():
        label = taxonomy.today(row.label)
        if label is not None:
            measures = not row.text or is_held_out(input_of(row.text, row.pair))
            predicted = taxonomy.today(row.predicted) or row.predicted
            found.append(GivenLabel(row.prediction_id, row.version, predicted, label, row.created_at, measures))
    return found


def measured_parts(given: Iterable[GivenLabel], span: Span) -> list[MeasuredPart]:
    """Accuracy on held-out texts by when they were answered, of each version apart."""
    width = (span.end_s - span.start_s) / MEASURED_PARTS
    rows: dict[tuple[int, str], list[bool]] = {}
    for one in given:
        if one.measures and span.has(one.answered_s):
            place = min(MEASURED_PARTS - 1, int((one.answered_s - span.start_s) / width))
            rows.setdefault((place, one.version), []).append(one.label == one.predicted)
    return [
        MeasuredPart(
            span.start_s + place * width, span.start_s + (place + 1) * width, version, measured(sum(right), len(right))
        )
        for (place, version), right in sorted(rows.items())
        if len(right) >= LEAST_ROWS
    ]


def confusion(given: Sequence[GivenLabel], kind: Kind, *, version: str, most: int) -> tuple[list[str], list[list[int]]]:
    """Labels with the most errors of a version, and the number of rows by right and by predicted label."""
    pairs = Counter(pair for one in given if one.version == version for pair in _pairs(one, kind))
    wrong: Counter[str] = Counter()
    for (right, predicted), count in pairs.items():
        for name in (right, predicted):
            wrong[name] += count if right != predicted else 0
    labels = sorted(sorted(wrong, key=lambda name: (-wrong[name], name))[:most])
    return labels, [[pairs[right, predicted] for predicted in labels] for right in labels]


def _pairs(one: GivenLabel, kind: Kind) -> list[tuple[str, str]]:
    """(right, predicted): labels in both with themselves, others each with each."""
    right, predicted = set(names_of(one.label, kind)), set(names_of(one.predicted, kind))
    both = right & predicted
    return [(name, name) for name in both] + list(product(right - both, predicted - both))


def _beyond() -> object:
    return select(func.coalesce(func.max(feedback.c.id), 0) - READ).scalar_subquery()
