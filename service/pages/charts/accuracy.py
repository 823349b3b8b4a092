"""Accuracy over time: estimated without labels, measured on labels, promised, and compared at the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.drawing.axes import Axis, shares
from core.drawing.figure import Numbers, figure
from core.drawing.layers import Band, Layer, Line, Point, Points, Value
from core.drawing.markup import Markup
from core.drawing.plot import Plot
from core.drawing.times import day_and_time, seconds, time_axis
from core.series.checks import CheckFigures
from core.series.given import measured_parts
from core.share import Share, measured, percent
from service.pages.charts.facts import ChartFacts
from service.pages.charts.marks import all_marks

ESTIMATED, MEASURED, EXPECTED = "estimated without labels", "measured on labels", "expected of the version"
BEFORE_GATE, AFTER_GATE = "champion at the gate", "challenger at the gate"
LEAST_RANGE = 0.1


@dataclass(frozen=True)
class Known:
    """One accuracy: when, of which version, how it is known."""

    at_s: float
    version: str
    how: str
    share: Share

    @property
    def title(self) -> str:
        rows = f" on {self.share.rows:,} rows" if self.share.rows else ""
        interval = (
            f" ({percent(self.share.low)} to {percent(self.share.high)})" if self.share.low < self.share.high else ""
        )
        shown = f"{percent(self.share.value)}{interval}{rows}"
        return f"{day_and_time(self.at_s)} UTC, version {self.version}, {self.how}: {shown}"


def accuracy_chart(facts: ChartFacts) -> Markup | None:
    """None as long as no accuracy is known."""
    known = sorted([*_estimated(facts), *_measured(facts), *_compared(facts)], key=lambda one: one.at_s)
    expected = _expected(facts)
    inside = [one for one in known if facts.span.has(one.at_s)]
    if not inside and not expected:
        return None
    x = time_axis(facts.span.start_s, facts.span.end_s)
    layers = [*_estimate_layers(facts.checks), *_expected_layers(expected, x), *_point_layers(inside)]
    shown = Plot("Accuracy", _in_words(inside), x, _axis(inside, expected), layers, all_marks(facts), height=190)
    rows = [_row(one) for one in reversed(inside)]
    note = "" if not expected else f"Expected now: {percent(expected[-1][1])}."
    numbers = Numbers(["Time (UTC)", "Version", "How it is known", "Accuracy", "Interval", "Rows"], rows, note)
    return figure([shown], numbers)


def _estimated(facts: ChartFacts) -> Iterator[Known]:
    for check in facts.checks:
        if check.estimated is not None:
            yield Known(seconds(check.created_at), check.version, ESTIMATED, check.estimated)


def _measured(facts: ChartFacts) -> Iterator[Known]:
    for part in measured_parts(facts.given, facts.span):
        yield Known((part.start_s + part.end_s) / 2, part.version, MEASURED, part.accuracy)


def _compared(facts: ChartFacts) -> Iterator[Known]:
    """Both versions on the fresh rows of each gate."""
    for row in facts.promotions:
        fresh = row.gate.verdict.fresh if row.gate else None
        if fresh is None or not fresh.rows:
            continue
        at = seconds(row.created_at)
        yield Known(at, row.previous or "", BEFORE_GATE, _of(fresh.champion_accuracy, fresh.rows))
        yield Known(at, row.version, AFTER_GATE, _of(fresh.challenger_accuracy, fresh.rows))


def _of(accuracy: float, rows: int) -> Share:
    return measured(round(accuracy * rows), rows)


def _expected(facts: ChartFacts) -> list[tuple[float, float]]:
    """What each version promised, from its promotion on, as steps up to now; of the champion what its labels or its
    export say if nobody promised it.
    """
    promised = [
        (seconds(guard.since), guard.promise.accuracy.value) for guard in facts.guards[::-1] if guard.promise.accuracy
    ]
    standing = facts.standing.accuracy.expected if facts.standing and facts.standing.version == facts.version else None
    exported = facts.facts.metrics.get("served_accuracy") if facts.facts else None
    now = standing if standing is not None else exported
    if now is None or facts.version is None:
        return promised and [*promised, (facts.span.end_s, promised[-1][1])]
    since = next((row.created_at for row in facts.promotions if row.promoted), None)
    start = max(facts.span.start_s, seconds(since)) if since else facts.span.start_s
    return [*(one for one in promised if one[0] < start), (start, now), (facts.span.end_s, now)]


def _axis(known: Sequence[Known], expected: Sequence[tuple[float, float]]) -> Axis:
    """From the least to the greatest value, with the intervals of estimates."""
    lows = [one.share.low if one.how == ESTIMATED else one.share.value for one in known] + [y for _, y in expected]
    highs = [one.share.high if one.how == ESTIMATED else one.share.value for one in known] + [y for _, y in expected]
    low, high = min(lows), max(highs)
    return shares(min(low, high - LEAST_RANGE), max(high, low + LEAST_RANGE))


def _estimate_layers(checks: Sequence[CheckFigures]) -> list[Layer]:
    """Lines end where the version changes, and where a check has no estimate."""
    line: list[Value] = []
    band: list[tuple[float, float, float] | None] = []
    version = ""
    for check in checks:
        at, share = seconds(check.created_at), check.estimated
        if check.version != version:
            line.append((at, None))
            band.append(None)
            version = check.version
        line.append((at, share.value if share else None))
        band.append((at, share.low, share.high) if share else None)
    return [Band(band, "k1", "its 90 % interval"), Line(line, "k1", ESTIMATED)] if any(band) else []


def _expected_layers(expected: list[tuple[float, float]], x: Axis) -> list[Layer]:
    inside = [(max(at, x.low), value) for at, value in expected]
    return [Line(inside, "k6", EXPECTED, is_stepped=True)] if inside else []


def _point_layers(known: Sequence[Known]) -> list[Layer]:
    kinds = (
        (BEFORE_GATE, "k6", "diamond"),
        (AFTER_GATE, "k4", "diamond"),
        (MEASURED, "k2", "square"),
    )
    layers: list[Layer] = []
    for how, style, form in kinds:
        shown = [_point(one) for one in known if one.how == how]
        if shown:
            layers.append(Points(shown, style, f"{how}, 95 % interval", form))
    return layers


def _point(one: Known) -> Point:
    return Point(one.at_s, one.share.value, one.title, one.share.low, one.share.high)


def _row(one: Known) -> list[str]:
    interval = f"{percent(one.share.low)} to {percent(one.share.high)}"
    rows = f"{one.share.rows:,}" if one.share.rows else ""
    return [day_and_time(one.at_s), one.version, one.how, percent(one.share.value), interval, rows]


def _in_words(known: Sequence[Known]) -> str:
    last = {one.how: one for one in known}
    return " ".join(f"Last {how}: {percent(one.share.value)}, version {one.version}." for how, one in last.items())
