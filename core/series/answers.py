"""Shares of predicted labels over time, from samples of the predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import bindparam, select

from core.clock import earliest_id
from core.labels import Kind, names_of
from core.ledger import Ledger
from core.schema import predictions
from core.series.champions import InService
from core.series.span import Span, stored

PARTS, SAMPLED = 20, 60
LATEST = 1_000
MOST_VERSIONS = 3
"""Versions that are read in one part of the time."""
BEYOND = 2**62
_FIRST = select(predictions.c.number).where(predictions.c.id >= bindparam("id")).order_by(predictions.c.id).limit(1)
_SAMPLE = (
    select(predictions.c.label)
    .where(predictions.c.model == bindparam("model"), predictions.c.version == bindparam("version"))
    .where(predictions.c.number >= bindparam("first"), predictions.c.number < bindparam("beyond"))
    .order_by(predictions.c.number)
    .limit(SAMPLED)
)


@dataclass(frozen=True)
class AnswerSample:
    """The labels of the first predictions in a part of the time, with their number."""

    start_s: float
    end_s: float
    labels: Counter[str]


def answer_samples(ledger: Ledger, model: str, span: Span, served: InService, kind: Kind) -> list[AnswerSample]:
    """Of up to `SAMPLED` predictions in each of `PARTS` parts; parts without one are left out."""
    ends_s = [*span.parts(PARTS), span.end_s]
    found = []
    with ledger.database.read() as connection:
        numbers = [connection.scalar(_FIRST, {"id": earliest_id(time_s)}) or BEYOND for time_s in ends_s]
        for (start_s, first), (end_s, beyond) in pairwise(zip(ends_s, numbers, strict=True)):
            versions = served.between(stored(start_s), stored(end_s))[-MOST_VERSIONS:] if first < beyond else []
            facts = {"model": model, "first": first, "beyond": beyond}
            rows = [connection.scalars(_SAMPLE, {**facts, "version": version}).all() for version in versions]
            if labels := Counter(label for sample in rows for label in sample):
                found.append(AnswerSample(start_s, end_s, by_name(labels, kind)))
    return found


def latest_answers(ledger: Ledger, model: str, version: str, kind: Kind) -> Counter[str]:
    """The labels of the last `LATEST` predictions of a version."""
    is_of_version = (predictions.c.model == model, predictions.c.version == version)
    query = select(predictions.c.label).where(*is_of_version).order_by(predictions.c.number.desc()).limit(LATEST)
    with ledger.database.read() as connection:
        return by_name(Counter(connection.scalars(query)), kind)


def by_name(cells: Mapping[str, int], kind: Kind) -> Counter[str]:
    """Counts of labels from counts of stored answers, which may be several labels.

    >>> sorted(by_name({"a|b": 2, "a": 1}, "multi-label").items())
    [('a', 3), ('b', 2)]
    """
    counts: Counter[str] = Counter()
    for cell, count in cells.items():
        for name in names_of(cell, kind):
            counts[name] += count
    return counts
