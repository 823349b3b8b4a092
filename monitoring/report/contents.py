"""Content of a report: a table with a column for each signal, and the verdict in Markdown."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from core.arrays import Doubles, Numbers
from core.records import Verdict
from core.share import percent
from monitoring.signals.catalogue import SIGNALS
from monitoring.signals.signal import Column, Sides, Signal


def report_tables(sides: Sides) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the reference and of the window, with one line per row."""
    before, after = {}, {}
    for signal in SIGNALS:
        before[signal.column], after[signal.column] = _shown(signal, *signal.values(sides))
    return pd.DataFrame(before), pd.DataFrame(after)


def _shown(signal: Signal, before: Column, after: Column) -> tuple[Column, Column]:
    if signal.is_categorical:
        return [_escaped(value) for value in before], [_escaped(value) for value in after]
    return rounded(np.asarray(before), np.asarray(after))


def rounded(before: Numbers, after: Numbers) -> tuple[Doubles, Doubles]:
    """Both sides of a column in steps of about a millionth of its largest value.

    A histogram of values that differ by less than its bins can raises "Too many bins for data range".

    >>> rounded(np.array([0.5, 0.50000000001]), np.array([0.25]))
    (array([0.5, 0.5]), array([0.25]))
    """
    largest = max(float(np.abs(before).max(initial=0)), float(np.abs(after).max(initial=0)))
    decimals = min(6 - math.ceil(math.log10(largest)), 300) if largest else 0
    return before.astype(np.float64).round(decimals), after.astype(np.float64).round(decimals)


def verdict_markdown(verdict: Verdict, model: str, version: str) -> str:
    """The verdict's sentence, a line for each kind of change and one for each test."""
    lines = [f"**{model}@{version}: {verdict.outcome}.** {_escaped(verdict.sentence)}", ""]
    lines += [f"- **{change.kind}**: {_escaped(change.sentence)}" for change in verdict.changes]
    lines += [_escaped(f"- {verdict.not_compared}")] if verdict.not_compared else []
    lines += [f"- {item.feature} (p = {item.p_value:.2g}): {_escaped(item.detail)}" for item in verdict.evidence]
    if estimate := verdict.estimated_accuracy:
        interval = f"{percent(estimate.low)} to {percent(estimate.high)}"
        lines.append(f"- estimated accuracy, without labels: {percent(estimate.value)} (90 % interval {interval})")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    # Evidently writes texts into a <script> element without escaping: a label could close that element.
    return text.replace("<", "＜")
