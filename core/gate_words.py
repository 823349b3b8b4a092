"""Phrases about comparisons."""

from __future__ import annotations

from core.records import Comparison
from core.share import percent


def accuracy_on(comparison: Comparison, kind: str) -> str:
    """`kind`: which rows were compared, "fresh" or "old"."""
    if comparison.rows == 0:
        return f"No {kind} rows"
    before, after = comparison.champion_accuracy, comparison.challenger_accuracy
    return f"On {comparison.rows} {kind} rows {percent(before)} → {percent(after)}"


def points(share: float) -> str:
    return f"{100 * share:.1f} points"
