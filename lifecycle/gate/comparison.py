"""Compares challenger and champion on the same labelled rows, each with its package."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from core.assigned import cells
from core.datasets import Example
from core.engine import Answering
from core.paired import Paired
from core.records import Comparison
from core.taxonomy import UNCHANGED, Taxonomy
from lifecycle.gate.sequential import anytime_p_value

LOST_P, LOST_SHARE = 1 / 16, 0.5
"""A label is lost if at most this share of its rows that were right still are, and that is no chance (McNemar).

Four rows that were right and none that still is are enough: a model of many labels has few rows of each, and of 200
challengers that are five points better, this level refuses one (benchmarks/loop/gate.py)."""

FORGOTTEN_ROWS = 2
"""A label that the challenger cannot answer at all is lost with so many rows that the champion has right. The text of
a label with a single one is set aside in the training."""


def compare(
    champion: Answering, challenger: Answering, rows: Sequence[Example], taxonomy: Taxonomy = UNCHANGED
) -> Comparison:
    """Predictions are compared under the labels' names of today, which `rows` have.

    Rows with a label that an engine does not know count as wrong, as do multi-label rows with one wrong label.
    """
    if not rows:
        return Comparison()
    before, after = (answers(engine, rows, taxonomy) for engine in (champion, challenger))
    forgotten = taxonomy.names(champion.labels) - taxonomy.names(challenger.labels)
    return compared(before, after, [row.label for row in rows], forgotten=forgotten)


def compared(
    champion: Sequence[str],
    challenger: Sequence[str],
    labels: Sequence[str | None],
    *,
    forgotten: Collection[str] = (),
) -> Comparison:
    """Of the answers to at least one row with their labels; `forgotten`: names that only the champion can answer."""
    before, after = (
        [cell == label for cell, label in zip(given, labels, strict=True)] for given in (champion, challenger)
    )
    paired = Paired.of(before, after)
    return Comparison(
        rows=len(labels),
        champion_accuracy=sum(before) / len(labels),
        challenger_accuracy=sum(after) / len(labels),
        wins=paired.wins,
        losses=paired.losses,
        p_value=anytime_p_value(paired.wins, paired.losses),
        lost_labels=_lost_labels(labels, before, after, forgotten),
        by_label=by_label(labels, before, after),
    )


def answers(engine: Answering, rows: Sequence[Example], taxonomy: Taxonomy) -> list[str]:
    """The answer to each row by its name of today; a retired label keeps its name."""
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return [taxonomy.today(cell) or cell for cell in given]


def _lost_labels(
    labels: Sequence[str | None], before: Sequence[bool], after: Sequence[bool], forgotten: Collection[str] = ()
) -> dict[str, list[int]]:
    """The lost labels with their rows, and how many of these are right before and after."""
    rows = Counter(label or "" for label in labels)
    found = {}
    for label, (right, won, lost) in by_label(labels, before, after).items():
        if is_lost(right, won, lost) or (label in forgotten and right >= FORGOTTEN_ROWS):
            found[label] = [rows[label], right, right + won - lost]
    return found


def is_lost(right: int, won: int, lost: int) -> bool:
    """Whether a label of which so many rows were right is lost, where so many were won and lost."""
    is_halved = right + won - lost <= LOST_SHARE * right
    return is_halved and Paired(lost, won, right + won).p_value <= LOST_P


def by_label(labels: Sequence[str | None], before: Sequence[bool], after: Sequence[bool]) -> dict[str, list[int]]:
    """Of each label: rows that were right, that were won, and that were lost."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for label, was, now in zip(labels, before, after, strict=True):
        counts = found[label or ""]
        counts[0] += was
        counts[1] += now and not was
        counts[2] += was and not now
    return dict(found)
