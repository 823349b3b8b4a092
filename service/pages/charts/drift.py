"""Drift over time: how near each check came to an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from core.drawing.axes import linear
from core.drawing.figure import Numbers, figure
from core.drawing.layers import Layer, Level, Line, Point, Points, Value
from core.drawing.markup import Markup
from core.drawing.plot import Plot
from core.drawing.times import day_and_time, seconds, time_axis
from core.records import Outcome
from core.series.checks import CheckFigures
from core.share import percent
from service.pages.charts.facts import ChartFacts
from service.pages.charts.marks import all_marks

MOST = 3.0
"""Greater shares are drawn here."""
LEVEL_BEFORE = 0.01
"""The level of checks that have none: they were made by an earlier release."""
OUTCOMES: tuple[tuple[Outcome, str, str, str], ...] = (
    ("ok", "ok", "circle", "this check: ok"),
    ("drift", "drift", "diamond", "this check: drift"),
    ("insufficient_data", "wait hollow", "circle", "this check: too few rows"),
)


def drift_chart(facts: ChartFacts) -> Markup | None:
    """None without a check."""
    checks = facts.checks
    if not checks:
        return None
    highest = max([1.2, *(_own(check) for check in checks), *(check.accumulated or 0 for check in checks)])
    shown = Plot(
        "Drift: evidence, as a share of what raises an alarm",
        _in_words(checks),
        time_axis(facts.span.start_s, facts.span.end_s),
        linear(0, min(MOST, highest), form=lambda share: percent(share, 0)),
        [Level(1, "alarm"), *_lines(checks), *_points(checks)],
        all_marks(facts),
        height=150,
    )
    columns = ["Time (UTC)", "Check", "Version", "Verdict", "Rows", "p-value", "Alarm from p", "All windows"]
    note = "The p-value is of the check's window alone; all windows of a version together may raise an alarm, too."
    return figure([shown], Numbers(columns, [_row(check) for check in reversed(checks)], note))


def _own(check: CheckFigures) -> float:
    """The evidence of its window alone: log p by log of the level, 1 or more is an alarm."""
    if check.p_value is None:
        return 0.0
    level = check.level or LEVEL_BEFORE
    return min(MOST, log(max(check.p_value, 1e-300)) / log(level)) if 0 < level < 1 else 0.0


def _lines(checks: Sequence[CheckFigures]) -> list[Layer]:
    line: list[Value] = []
    version = ""
    for check in checks:
        at = seconds(check.created_at)
        if check.version != version:
            line.append((at, None))
            version = check.version
        line.append((at, None if check.accumulated is None else min(MOST, check.accumulated)))
    return [Line(line, "k4", "all windows together")] if any(value is not None for _, value in line) else []


def _points(checks: Sequence[CheckFigures]) -> list[Layer]:
    layers: list[Layer] = []
    for outcome, style, form, name in OUTCOMES:
        of_it = [check for check in checks if check.outcome == outcome]
        if of_it:
            points = [Point(seconds(check.created_at), _own(check), _title(check)) for check in of_it]
            layers.append(Points(points, style, name, form))
    return layers


def _title(check: CheckFigures) -> str:
    p = "no p-value" if check.p_value is None else f"p = {check.p_value:.3g}"
    verdict = check.outcome.replace("_", " ")
    return f"{day_and_time(seconds(check.created_at))} UTC, check {check.id} of version {check.version}: {verdict}, {p}"


def _row(check: CheckFigures) -> list[str]:
    return [
        day_and_time(seconds(check.created_at)),
        str(check.id),
        check.version,
        check.outcome.replace("_", " "),
        f"{check.rows:,}",
        "" if check.p_value is None else f"{check.p_value:.3g}",
        "" if check.level is None else f"{check.level:.2g}",
        "" if check.accumulated is None else percent(check.accumulated, 0),
    ]


def _in_words(checks: Sequence[CheckFigures]) -> str:
    alarms = sum(check.outcome == "drift" for check in checks)
    return f"{len(checks)} checks, {alarms} of them with an alarm. The last: {_title(checks[-1])}."
