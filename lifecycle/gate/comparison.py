"""Compares challenger and champion on the same labelled rows, each with its package."""

from __future__ import annotations

from collections.abc import Sequence

from core.assigned import cells
from core.datasets import Example
from core.engine import Engine
from core.paired import Paired
from core.records import Comparison
from core.taxonomy import UNCHANGED, Taxonomy


def compare(
    champion: Engine, challenger: Engine, rows: Sequence[Example], taxonomy: Taxonomy = UNCHANGED
) -> Comparison:
    """Predictions are compared under the labels' names of today, which `rows` have.

    Rows with a label that an engine does not know count as wrong, as do multi-label rows with one wrong label.
    """
    if not rows:
        return Comparison()
    before, after = _correct(champion, rows, taxonomy), _correct(challenger, rows, taxonomy)
    paired = Paired.of(before, after)
    return Comparison(
        rows=len(rows),
        champion_accuracy=sum(before) / len(rows),
        challenger_accuracy=sum(after) / len(rows),
        wins=paired.wins,
        losses=paired.losses,
        p_value=paired.p_value,
    )


def _correct(engine: Engine, rows: Sequence[Example], taxonomy: Taxonomy) -> list[bool]:
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return [taxonomy.today(cell) == row.label for cell, row in zip(given, rows, strict=True)]
