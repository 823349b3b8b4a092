"""All charts of a model's page, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from core.drawing.markup import Markup
from core.drawing.times import day_and_time
from core.home import Home
from service.pages.charts.accuracy import accuracy_chart
from service.pages.charts.answers import answers_chart, confusion_chart, shares_chart
from service.pages.charts.drift import drift_chart
from service.pages.charts.facts import chart_facts
from service.pages.charts.traffic import traffic_chart


@dataclass(frozen=True)
class ModelCharts:
    """Figures over the time from `since` to `until`, in words; None where nothing is known yet.

    `answers`: label shares over time; `shares`: of the reference and now; `confusion`: against given labels.
    """

    since: str
    until: str
    accuracy: Markup | None
    drift: Markup | None
    traffic: Markup | None
    answers: Markup | None
    shares: Markup | None
    confusion: Markup | None


def model_charts(home: Home, model: str, *, now: float | None = None) -> ModelCharts:
    """`now`: seconds since 1970, None for the clock's. Raises `Unavailable`."""
    facts = chart_facts(home, model, now=now)
    return ModelCharts(
        since=day_and_time(facts.span.start_s),
        until=day_and_time(facts.span.end_s),
        accuracy=accuracy_chart(facts),
        drift=drift_chart(facts),
        traffic=traffic_chart(facts),
        answers=answers_chart(facts),
        shares=shares_chart(facts),
        confusion=confusion_chart(facts),
    )
