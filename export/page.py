"""The HTML page of the rungs: a table, and a chart of accuracy against speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.pages import page
from export.rungs import RungReport

TEMPLATE = Path(__file__).with_name("page.html")
WIDTH, HEIGHT, MARGIN = 980, 320, 56
ABOVE, BELOW = -14, 26


@dataclass(frozen=True)
class Point:
    """Position of a rung in the chart, in pixels from the upper left; `name_y`: vertical offset of its name."""

    rung: RungReport
    x: float
    y: float
    name_y: int


def rungs_page(reports: Sequence[RungReport], not_built: Mapping[str, str], *, chosen: str, rows: int) -> str:
    """The page; `rows` is the number of rows on which the rungs were compared."""
    return page(
        TEMPLATE,
        reports=reports,
        not_built=not_built,
        chosen=chosen,
        rows=rows,
        points=_points(reports),
        bounds=_bounds(reports),
        size={"width": WIDTH, "height": HEIGHT, "margin": MARGIN},
    )


def _bounds(reports: Sequence[RungReport]) -> dict[str, float]:
    """Ranges of the axes: speed from 0, accuracy around the measured values and at least one percentage point wide."""
    accuracies = [entry.accuracy for entry in reports]
    middle = (min(accuracies) + max(accuracies)) / 2
    half = max(0.005, 0.6 * (max(accuracies) - min(accuracies)))
    return {
        "fastest": 1.1 * max(entry.texts_per_s for entry in reports),
        "low": middle - half,
        "high": middle + half,
    }


def _points(reports: Sequence[RungReport]) -> list[Point]:
    bounds = _bounds(reports)
    width, height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    return [
        Point(
            entry,
            round(MARGIN + width * entry.texts_per_s / bounds["fastest"], 1),
            round(MARGIN + height * (bounds["high"] - entry.accuracy) / (bounds["high"] - bounds["low"]), 1),
            # Names are above and below in turn, so that names of rungs with similar speed do not overlap.
            BELOW if position % 2 else ABOVE,
        )
        for position, entry in enumerate(sorted(reports, key=lambda entry: entry.texts_per_s))
    ]
