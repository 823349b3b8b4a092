"""Compares challenger and champion on the same labelled rows, each with its package."""

from __future__ import annotations

from collections.abc import Sequence

from core.assigned import cells
from core.datasets import Example
from core.engine import Engine
from core.paired import Paired
from core.records import Comparison


def compare(champion: Engine, challenger: Engine, rows: Sequence[Example]) -> Comparison:
    """A row counts as wrong for an engine that does not know its label; a set of labels must be exactly right."""
    if not rows:
        return Comparison()
    before, after = _correct(champion, rows), _correct(challenger, rows)
    paired = Paired.of(before, after)
    return Comparison(
        rows=len(rows),
        champion_accuracy=sum(before) / len(rows),
        challenger_accuracy=sum(after) / len(rows),
        wins=paired.wins,
        losses=paired.losses,
        p_value=paired.p_value,
    )


def _correct(engine: Engine, rows: Sequence[Example]) -> list[bool]:
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return [cell == row.label for cell, row in zip(given, rows, strict=True)]
