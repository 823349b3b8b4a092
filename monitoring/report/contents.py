"""Content of a report: a table with a column for each signal, and the verdict in Markdown."""

from __future__ import annotations

import pandas as pd

from core.records import Verdict
from core.share import percent
from monitoring.signals.catalogue import SIGNALS
from monitoring.signals.signal import Column, Sides, Signal


def report_tables(sides: Sides) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the reference and of the window, with one line per row."""
    before, after = {}, {}
    for signal in SIGNALS:
        before[signal.column], after[signal.column] = (_shown(signal, values) for values in signal.values(sides))
    return pd.DataFrame(before), pd.DataFrame(after)


def _shown(signal: Signal, values: Column) -> Column:
    return [_escaped(value) for value in values] if signal.is_categorical else values


def verdict_markdown(verdict: Verdict, model: str, version: str) -> str:
    """The verdict's sentence and a line for each test."""
    lines = [f"**{model}@{version}: {verdict.outcome}.** {_escaped(verdict.sentence)}", ""]
    lines += [f"- {item.feature} (p = {item.p_value:.2g}): {_escaped(item.detail)}" for item in verdict.evidence]
    if estimate := verdict.estimated_accuracy:
        interval = f"{percent(estimate.low)} to {percent(estimate.high)}"
        lines.append(f"- estimated accuracy, without labels: {percent(estimate.value)} ({interval})")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    # Evidently writes texts into a <script> element without escaping: a label could close that element.
    return text.replace("<", "＜")
