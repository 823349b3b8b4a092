"""What a plot shows: lines, bands, bars, points and levels. Each is drawn into the frame of the plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Protocol

from core.drawing.frame import Frame, in_percent, point
from core.drawing.markup import Markup, element

Value = tuple[float, float | None]
"""A place and a value there; None where nothing is known."""


@dataclass(frozen=True)
class Key:
    """One entry of a legend. `form`: as in `frame.POINTS`, or line, band or bar."""

    name: str
    style: str
    form: str


class Layer(Protocol):
    """`style`: classes of the stylesheet: k1 to k6 for series, which differ in colour and dashes; ok, drift, wait."""

    @property
    def key(self) -> Key | None: ...

    def drawn(self, frame: Frame) -> Iterator[Markup]: ...


@dataclass(frozen=True)
class Line:
    """A line through the values, with gaps where there is none; `is_stepped`: each value holds until the next."""

    values: Sequence[Value]
    style: str
    name: str = ""
    is_stepped: bool = False

    @property
    def key(self) -> Key | None:
        return Key(self.name, self.style, "line") if self.name else None

    def drawn(self, frame: Frame) -> Iterator[Markup]:
        pieces = [_stepped(piece) if self.is_stepped else piece for piece in _pieces(self.values)]
        lines = [
            element("polyline", class_=f"line {self.style}", points=frame.corners(piece))
            for piece in pieces
            if len(piece) > 1
        ]
        if lines:
            yield frame.stretched(*lines)
        for piece in pieces:
            if len(piece) == 1:
                yield point(frame.across(piece[0][0]), frame.down(piece[0][1]), style=f"dot {self.style}", radius=2)


@dataclass(frozen=True)
class Band:
    """An interval around each place: (place, low, high); consecutive ones are joined, None leaves a gap."""

    values: Sequence[tuple[float, float, float] | None]
    style: str
    name: str = ""

    @property
    def key(self) -> Key | None:
        return Key(self.name, self.style, "band") if self.name else None

    def drawn(self, frame: Frame) -> Iterator[Markup]:
        areas = []
        for is_known, run in groupby(self.values, key=lambda value: value is not None):
            known = [value for value in run if value is not None]
            if is_known and len(known) > 1:
                upper = [(x, high) for x, _, high in known]
                lower = [(x, low) for x, low, _ in reversed(known)]
                areas.append(element("polygon", class_=f"area {self.style}", points=frame.corners(upper + lower)))
        if areas:
            yield frame.stretched(*areas)


@dataclass(frozen=True)
class Bar:
    """A bar from `start` to `end` across, and from `low` to `high`."""

    start: float
    end: float
    low: float
    high: float
    title: str = ""


@dataclass(frozen=True)
class Bars:
    bars: Sequence[Bar]
    style: str
    name: str = ""

    @property
    def key(self) -> Key | None:
        return Key(self.name, self.style, "bar") if self.name else None

    def drawn(self, frame: Frame) -> Iterator[Markup]:
        if self.bars:
            yield element("g", *(_rect(bar, frame) for bar in self.bars), class_=f"bar {self.style}")


@dataclass(frozen=True)
class Point:
    """`low`, `high`: the ends of its interval, if it has one."""

    x: float
    y: float
    title: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Points:
    points: Sequence[Point]
    style: str
    name: str = ""
    form: str = "circle"
    radius: float = 4

    @property
    def key(self) -> Key | None:
        return Key(self.name, self.style, self.form) if self.name else None

    def drawn(self, frame: Frame) -> Iterator[Markup]:
        whiskers = [part for one in self.points for part in _whisker(one, frame)]
        if whiskers:
            yield element("g", *whiskers, class_=f"whisker {self.style}")
        points = (
            point(frame.across(one.x), frame.down(one.y), form=self.form, title=one.title, radius=self.radius)
            for one in self.points
        )
        yield element("g", *points, class_=f"dot {self.style}")


@dataclass(frozen=True)
class Level:
    """A horizontal line with its meaning; nothing if it lies beyond the axis."""

    value: float
    text: str
    style: str = "drift"
    key: Key | None = None

    def drawn(self, frame: Frame) -> Iterator[Markup]:
        if frame.y.low <= self.value <= frame.y.high:
            y = frame.down(self.value)
            yield element("line", class_=f"level {self.style}", x1="0", x2="100%", y1=y, y2=y)
            yield element("text", self.text, class_=f"level {self.style}", x="100%", y=y - 4, text_anchor="end")


def _rect(bar: Bar, frame: Frame) -> Markup:
    left, right = frame.x.share(bar.start), frame.x.share(bar.end)
    upper, lower = frame.down(bar.high), frame.down(bar.low)
    told = [element("title", bar.title)] if bar.title else []
    width = in_percent(right - left)
    return element("rect", *told, x=in_percent(left), width=width, y=upper, height=max(0.0, lower - upper))


def _whisker(one: Point, frame: Frame) -> Iterator[Markup]:
    if one.low is not None and one.high is not None:
        across = frame.across(one.x)
        yield element("line", x1=across, x2=across, y1=frame.down(one.high), y2=frame.down(one.low))


def _pieces(values: Sequence[Value]) -> list[list[tuple[float, float]]]:
    """The runs of values that are known."""
    runs = groupby(values, key=lambda value: value[1] is not None)
    return [[(x, y) for x, y in run if y is not None] for is_known, run in runs if is_known]


def _stepped(piece: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """
    >>> _stepped([(0, 1), (2, 3)])
    [(0, 1), (2, 1), (2, 3)]
    """
    corners = [corner for (x, y), (later, _) in pairwise(piece) for corner in ((x, y), (later, y))]
    return [*corners, *piece[-1:]]
