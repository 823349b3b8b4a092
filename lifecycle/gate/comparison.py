"""Compares challenger and champion on the same labelled rows, each with its package."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from core.assigned import cells
from core.datasets import Example
from core.engine import Answering
from core.paired import Paired
from core.records import Comparison
from core.taxonomy import UNCHANGED, Taxonomy
from lifecycle.gate.sequential import anytime_p_value

LOST_P, LOST_SHARE = 0.01, 0.5
"""A label is lost if at most this share of its rows that were right still are, and that is no chance (McNemar)."""


def compare(
    champion: Answering, challenger: Answering, rows: Sequence[Example], taxonomy: Taxonomy = UNCHANGED
) -> Comparison:
    """Predictions are compared under the labels' names of today, which `rows` have.

    Rows with a label that an engine does not know count as wrong, as do multi-label rows with one wrong label.
    """
    if not rows:
        return Comparison()
    before, after = (
        [cell == row.label for cell, row in zip(answers(engine, rows, taxonomy), rows, strict=True)]
        for engine in (champion, challenger)
    )
    paired = Paired.of(before, after)
    return Comparison(
        rows=len(rows),
        champion_accuracy=sum(before) / len(rows),
        challenger_accuracy=sum(after) / len(rows),
        wins=paired.wins,
        losses=paired.losses,
        p_value=anytime_p_value(paired.wins, paired.losses),
        lost_labels=_lost_labels(rows, before, after),
    )


def answers(engine: Answering, rows: Sequence[Example], taxonomy: Taxonomy) -> list[str]:
    """The answer to each row by its name of today; a retired label keeps its name."""
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return [taxonomy.today(cell) or cell for cell in given]


def _lost_labels(rows: Sequence[Example], before: Sequence[bool], after: Sequence[bool]) -> dict[str, list[int]]:
    """The lost labels with their rows, and how many of these are right before and after."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.label or ""].append(place)
    found = {}
    for label, of_label in places.items():
        was, now = [before[place] for place in of_label], [after[place] for place in of_label]
        is_halved = sum(now) <= LOST_SHARE * sum(was)
        if is_halved and Paired.of(was, now).reversed.p_value <= LOST_P:
            found[label] = [len(of_label), sum(was), sum(now)]
    return found
