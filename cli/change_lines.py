"""What changed, in the lines of a check."""

from __future__ import annotations

from collections.abc import Mapping

from core.example_texts import examples_shown
from core.records import Verdict

SHOWN_KINDS, SHOWN_EXAMPLES = 3, 3


def change_lines(verdict: Verdict, texts: Mapping[str, str]) -> list[str]:
    """The first kinds of change with examples; `texts`: of the examples, by id, as far as they are known."""
    lines = []
    for change in verdict.changes[:SHOWN_KINDS]:
        lines.append(f"  {change.kind}: {change.sentence}")
        lines += [f"    {text}" for text in examples_shown(change.all_examples, texts)[:SHOWN_EXAMPLES]]
    if verdict.not_compared and verdict.outcome == "drift":
        lines.append(f"  {verdict.not_compared}")
    return lines
