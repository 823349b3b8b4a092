"""Single numbers of a check as metrics of Evidently, so that its dashboards can draw them over time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from core.records import Verdict

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Evidently uses numpy.core and old names of litestar
    from evidently.core.metric_types import SingleValueCalculation, SingleValueMetric
    from evidently.legacy.renderers.html_widgets import CounterData, WidgetSize, counter

ACCURACY, LOWEST, HIGHEST = "estimated accuracy", "lowest estimated accuracy", "highest estimated accuracy"
P_VALUE, ROWS, TEXTS = "p-value of the check", "rows of the window", "different texts of the window"

_values: ContextVar[Mapping[str, float]] = ContextVar("readings")


class Reading(SingleValueMetric):  # type: ignore[misc]  # evidently is untyped
    """The number is no parameter: Evidently would draw a line of its own for each value of one.

    `is_shown`: whether the report shows it, too.
    """

    name: str
    is_shown: bool = True


class ReadingCalculation(SingleValueCalculation[Reading]):  # type: ignore[misc]  # evidently is untyped
    def calculate(self, context: Any, current_data: Any, reference_data: Any) -> tuple[Any, None]:
        value = _values.get()[self.metric.name]
        result = self.result(value)
        shown = CounterData(label=self.metric.name, value=f"{value:.3g}" if value < 1 else f"{value:,.0f}")
        result.widget = [counter(title="", size=WidgetSize.HALF, counters=[shown])] if self.metric.is_shown else []
        return result, None

    def display_name(self) -> str:
        return str(self.metric.name)


@contextmanager
def readings_of(verdict: Verdict) -> Iterator[list[Reading]]:
    """The metrics of a conclusive verdict, which have their values in this context."""
    token = _values.set(_numbers(verdict))
    try:
        tests = {p_value_name(item.feature) for item in verdict.evidence}
        yield [Reading(name=name, is_shown=name not in tests, tests=[]) for name in _values.get()]
    finally:
        _values.reset(token)


def p_value_name(feature: str) -> str:
    return f"p-value of {feature}"


def _numbers(verdict: Verdict) -> dict[str, float]:
    repetition, estimate = verdict.repetition, verdict.estimated_accuracy
    found = {P_VALUE: verdict.p_value or 0.0, TEXTS: verdict.rows}
    found[ROWS] = repetition.rows if repetition else verdict.rows
    found |= {p_value_name(item.feature): item.p_value for item in verdict.evidence}
    if estimate is not None:
        found |= {ACCURACY: estimate.value, LOWEST: estimate.low, HIGHEST: estimate.high}
    return found
