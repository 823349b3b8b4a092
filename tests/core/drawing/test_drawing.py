from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from core.drawing.axes import Axis, linear, logarithmic, shares
from core.drawing.events import MOST_ROWS, Event, Kind, placed
from core.drawing.figure import MOST_ROWS as MOST_TABLE_ROWS
from core.drawing.figure import Numbers, figure
from core.drawing.frame import Frame
from core.drawing.label_bars import Side, label_bars
from core.drawing.layers import Band, Bar, Bars, Layer, Level, Line, Point, Points
from core.drawing.markup import Markup
from core.drawing.matrix import matrix
from core.drawing.plot import Plot
from core.drawing.style import STYLE, style
from core.drawing.times import seconds, time_axis

ODD = "<script>alert('x')</script> & \"q\" ‮שלום"
PROMOTION, LABELS = Kind("promotion", "k3", "triangle"), Kind("labels given", "k5", "square", is_counted=True)
DAY_S = 86400.0


def drawn(*layers: Layer, events: tuple[Event, ...] = (), title: str = "Title") -> str:
    shown = Plot(title, ODD, linear(0, 10), linear(0, 10), layers, events)
    return figure([shown], Numbers(["Place", ODD], [[ODD, 1_000]]))


def every_figure() -> dict[str, Callable[[], Markup | str]]:
    layers: tuple[Layer, ...] = (
        Band([(0, 1, 2), (1, 2, 3), None, (3, 1, 2)], "k1", ODD),
        Line([(0, 1), (1, None), (2, 3), (3, 4)], "k2", ODD, is_stepped=True),
        Bars([Bar(0, 1, 0, 5, ODD)], "k3", ODD),
        Points([Point(1, 2, ODD, 1, 3)], "k4", ODD, form="diamond"),
        Level(5, ODD),
    )
    event = Event(2, PROMOTION, ODD, ODD)
    return {
        "plot": lambda: drawn(*layers, events=(event,), title=ODD),
        "label bars": lambda: label_bars(ODD, Side(ODD, {ODD: 3}), Side("after", {ODD: 1, "b": 1})),
        "matrix": lambda: matrix(ODD, [ODD, "b"], [[3, 1], [0, 2]]),
    }


@pytest.mark.parametrize("name", list(every_figure()))
def test_a_figure_is_well_formed_and_runs_nothing(name: str) -> None:
    content = every_figure()[name]()
    ElementTree.fromstring(content)
    assert "<script" not in content
    assert "style=" not in content
    assert re.search(r"\son\w+=", content) is None
    assert content.count("&lt;script&gt;") > 1


@pytest.mark.parametrize("name", ["plot", "label bars"])
def test_a_figure_has_a_name_a_description_and_its_numbers(name: str) -> None:
    content = every_figure()[name]()
    assert re.search(r'<svg class="plot" role="img"[^>]*><title>[^<]+</title><desc>[^<]+</desc>', content)
    assert "<summary>Numbers</summary>" in content
    assert "<table>" in content


def test_every_class_of_the_charts_is_in_the_stylesheet() -> None:
    names = {
        name
        for make in every_figure().values()
        for found in re.findall('class="([^"]+)"', make())
        for name in found.split()
    }
    assert {name for name in names if f".{name}" not in style()} == set()


def test_there_is_one_stylesheet() -> None:
    root = STYLE.parents[2]
    rooms = ("cli", "core", "export", "finetune", "lifecycle", "monitoring", "service")
    assert [path for room in rooms for path in (root / room).rglob("*.css")] == [STYLE]


def test_equal_numbers_give_equal_bytes() -> None:
    assert [make() for make in every_figure().values()] == [make() for make in every_figure().values()]


def test_a_line_ends_where_nothing_is_known() -> None:
    lines = re.findall(
        r'<polyline[^>]*points="([^"]+)"', drawn(Line([(0, 1), (1, 2), (2, None), (3, 4), (4, 5)], "k1"))
    )
    assert [len(points.split()) for points in lines] == [2, 2]


def test_a_value_that_stands_alone_is_still_seen() -> None:
    assert "<circle" in drawn(Line([(0, None), (1, 2), (2, None)], "k1"))


def test_a_step_holds_its_value_until_the_next() -> None:
    (points,) = re.findall(r'<polyline[^>]*points="([^"]+)"', drawn(Line([(0, 1), (10, 5)], "k1", is_stepped=True)))
    heights = [point.split(",")[1] for point in points.split()]
    assert heights[0] == heights[1] != heights[2]


def test_a_level_beyond_the_axis_is_not_drawn() -> None:
    assert "never" not in drawn(Level(11, "never"))


def test_a_long_table_says_what_it_leaves_out() -> None:
    rows = [[str(row)] for row in range(MOST_TABLE_ROWS + 5)]
    content = figure([], Numbers(["Row"], rows))
    assert content.count("<td>") == MOST_TABLE_ROWS
    assert f"The first {MOST_TABLE_ROWS} of {MOST_TABLE_ROWS + 5} rows." in content


def frame() -> Frame:
    return Frame(Axis(0, 100), Axis(0, 1), 0, 100)


def test_names_of_events_do_not_touch() -> None:
    marks = placed([Event(20 + 5 * number, PROMOTION, f"v{number}") for number in range(3)], frame())
    assert len({mark.row for mark in marks}) == 3
    assert all(mark.has_text for mark in marks)


def test_events_without_room_have_a_mark_without_a_name() -> None:
    marks = placed([Event(20 + 5 * number, PROMOTION, "a long name") for number in range(8)], frame())
    assert len(marks) == 8
    assert sum(mark.has_text for mark in marks) >= MOST_ROWS
    assert any(not mark.has_text for mark in marks)


def test_events_of_a_kind_that_are_near_are_one_mark() -> None:
    near = [Event(50 + number / 10, LABELS, count=12) for number in range(3)]
    (mark,) = placed(near, frame())
    assert mark.event.label == "36"


def test_names_of_versions_have_room_before_counts() -> None:
    labels = [Event(20 + 5 * number, LABELS, count=1_000_000) for number in range(6)]
    marks = placed([*labels, Event(30, PROMOTION, "v7")], frame())
    assert next(mark for mark in marks if mark.event.kind == PROMOTION).has_text


def test_events_beyond_the_axis_are_left_out() -> None:
    assert placed([Event(-1, PROMOTION), Event(101, PROMOTION)], frame()) == []


@pytest.mark.parametrize(
    ("span_s", "first"),
    [(1800.0, "09:20 29 Nov"), (DAY_S, "12:00 28 Nov"), (30 * DAY_S, "2 Nov 2026"), (3000 * DAY_S, "1 Jan 2020")],
)
def test_the_axis_of_time_has_few_ticks_at_round_times(span_s: float, first: str) -> None:
    end = seconds("2026-11-29T09:42:17+00:00")
    ticks = time_axis(end - span_s, end).ticks
    assert 2 <= len(ticks) <= 5
    assert f"{ticks[0].text} {ticks[0].below}" == first


@pytest.mark.parametrize("span_s", [0.0, 1.0, 1e10])
def test_an_odd_range_of_time_still_has_an_axis(span_s: float) -> None:
    axis = time_axis(1.7e9, 1.7e9 + span_s)
    assert axis.low < axis.high


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (3.0, 3.0), (-5.0, 17.0), (0.0, 1e9), (1e-9, 2e-9)])
def test_a_linear_axis_holds_its_values(low: float, high: float) -> None:
    axis = linear(low, high)
    assert axis.low <= low <= high <= axis.high
    assert 2 <= len(axis.ticks) <= 8


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.01), (0.87, 0.88), (-0.2, 1.3)])
def test_shares_stay_within_0_and_1(low: float, high: float) -> None:
    axis = shares(low, high)
    assert 0 <= axis.low < axis.high <= 1
    assert axis.high - axis.low <= max(0.1, 2 * (high - low))
    assert all(tick.text.endswith(" %") for tick in axis.ticks)


@pytest.mark.parametrize(("low", "high"), [(0.0025, 30.0), (1.0, 1.0), (3e-7, 5e-3)])
def test_a_logarithmic_axis_holds_its_values(low: float, high: float) -> None:
    axis = logarithmic(low, high)
    assert axis.low <= low <= high <= axis.high
    assert 2 <= len(axis.ticks) <= 8
