"""Shares of labels before and after, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.drawing.figure import Numbers
from core.drawing.markup import Markup
from core.drawing.paired_bars import Pair, PairedBars, paired_bars
from core.share import percent


@dataclass(frozen=True)
class Side:
    """One of the two, with its rows by label."""

    name: str
    counts: Mapping[str, int]

    def share(self, label: str) -> float:
        total = sum(self.counts.values())
        return self.counts.get(label, 0) / total if total else 0.0


def label_bars(title: str, before: Side, after: Side, *, most: int = 12) -> Markup:
    """The labels whose shares moved most, as bars; all of them as numbers."""
    labels = sorted(set(before.counts) | set(after.counts))
    moved = sorted(labels, key=lambda label: (-abs(after.share(label) - before.share(label)), label))
    pairs = [Pair(label, before.share(label), after.share(label)) for label in moved[:most]]
    rows = [
        [
            label,
            *(
                text
                for side in (before, after)
                for text in (f"{side.counts.get(label, 0):,}", percent(side.share(label)))
            ),
        ]
        for label in moved
    ]
    columns = ["Label", *(text for side in (before, after) for text in (f"Rows {side.name}", "Share"))]
    note = f"The {most} labels that moved most, of {len(labels)}." if len(labels) > most else ""
    return paired_bars(PairedBars(title, (before.name, after.name), pairs), Numbers(columns, rows), note=note)
