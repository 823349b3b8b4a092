"""The dashboard of a project in `evidently ui`: estimated accuracy, traffic, label shares and p-values over time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from monitoring.report.readings import ACCURACY, HIGHEST, LOWEST, P_VALUE, ROWS, TEXTS, p_value_name
from monitoring.signals.catalogue import SIGNALS

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Evidently uses old names of litestar
    from evidently.sdk.models import DashboardModel, DashboardPanelPlot, DashboardTabModel, PanelMetric
    from evidently.sdk.panels import bar_plot_panel, line_plot_panel


def dashboard() -> DashboardModel:
    panels = list(_panels())
    return DashboardModel(tabs=[DashboardTabModel(title="Drift", panels=[panel.id for panel in panels])], panels=panels)


def _panels() -> Iterator[DashboardPanelPlot]:
    yield line_plot_panel(
        title="Accuracy, estimated without labels, with its interval",
        values=[_reading(LOWEST, "lowest"), _reading(ACCURACY, "estimate"), _reading(HIGHEST, "highest")],
        size="half",
    )
    yield bar_plot_panel(
        title="Traffic: rows and different texts of each check",
        values=[_reading(ROWS, "rows"), _reading(TEXTS, "different texts")],
        size="half",
    )
    for signal in SIGNALS:
        if signal.is_categorical:
            shares = {"column": signal.column, "value_type": "share"}
            yield bar_plot_panel(
                title=f"{signal.column}: shares",
                values=[PanelMetric(metric="UniqueValueCount", metric_labels=shares)],
                size="full",
            )
    yield line_plot_panel(title="p-value of each check", values=[_reading(P_VALUE, "p-value")], size="half")
    for signal in SIGNALS:
        # Evidently's own metric has the level as a parameter, and would draw a line for each level.
        values = [_reading(p_value_name(signal.feature), "p-value")]
        yield line_plot_panel(title=f"{signal.feature}: p-value of each check", values=values, size="half")


def _reading(name: str, legend: str) -> PanelMetric:
    return PanelMetric(metric="Reading", metric_labels={"name": name}, legend=legend)
