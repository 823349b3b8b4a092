"""The HTML page of the rungs: a table, and a chart of accuracy against speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from core.drawing.axes import linear, shares
from core.drawing.events import Event, Kind
from core.drawing.figure import Numbers, figure
from core.drawing.layers import Layer, Point, Points
from core.drawing.markup import Markup
from core.drawing.plot import Plot
from core.pages import page
from core.share import percent
from export.rungs import RungReport

TEMPLATE = Path(__file__).with_name("page.html")
ELIGIBLE, REFUSED = Kind("eligible", "ok", "circle"), Kind("not eligible", "drift hollow", "square")
LEAST_RANGE = 0.01


def rungs_page(reports: Sequence[RungReport], not_built: Mapping[str, str], *, chosen: str, rows: int) -> str:
    """The page; `rows` is the number of rows on which the rungs were compared."""
    return page(
        TEMPLATE, reports=reports, not_built=not_built, chosen=chosen, rows=rows, chart=_chart(reports, chosen=chosen)
    )


def _chart(reports: Sequence[RungReport], *, chosen: str) -> Markup:
    """Speed from 0, accuracy around the measured values and at least one percentage point wide."""
    accuracies = [entry.accuracy for entry in reports]
    middle = (min(accuracies) + max(accuracies)) / 2
    half = max(LEAST_RANGE / 2, 0.6 * (max(accuracies) - min(accuracies)))
    shown = Plot(
        "Accuracy",
        f"{len(reports)} rungs; packaged: {chosen}.",
        linear(0, max(entry.texts_per_s for entry in reports)),
        shares(middle - half, middle + half),
        _points(reports),
        [Event(entry.texts_per_s, _kind(entry), entry.name, _title(entry)) for entry in reports],
        220,
        "texts a second, one thread",
    )
    table = [[entry.name, percent(entry.accuracy, 2), f"{entry.texts_per_s:,.0f}"] for entry in reports]
    return figure([shown], Numbers(["Rung", "Accuracy", "Texts/s"], table))


def _points(reports: Sequence[RungReport]) -> list[Layer]:
    return [
        Points([Point(entry.texts_per_s, entry.accuracy, _title(entry))], _kind(entry).style, "", _kind(entry).form, 6)
        for entry in reports
    ]


def _kind(entry: RungReport) -> Kind:
    return ELIGIBLE if entry.eligible else REFUSED


def _title(entry: RungReport) -> str:
    return f"{entry.name}: {percent(entry.accuracy, 2)}, {entry.texts_per_s:,.0f} texts a second"
