"""A plot: layers over two axes, as one SVG without scripts that is as wide as its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.drawing import events
from core.drawing.axes import Axis
from core.drawing.events import Event
from core.drawing.frame import Frame
from core.drawing.layers import Key, Layer
from core.drawing.markup import Markup, element

BELOW_PX, ABOVE_PX = 34, 8


@dataclass(frozen=True)
class Plot:
    """`title`: what it shows; `about`: what it says, for those who do not see it. Heights in pixels."""

    title: str
    about: str
    x: Axis
    y: Axis
    layers: Sequence[Layer]
    events: Sequence[Event] = ()
    height: float = 170
    x_name: str = ""


def plot(shown: Plot) -> Markup:
    frame = Frame(shown.x, shown.y, ABOVE_PX, shown.height)
    marks = events.placed(shown.events, frame)
    frame = Frame(shown.x, shown.y, ABOVE_PX + events.ROW_PX * events.rows_of(marks), shown.height)
    height = frame.top + frame.height + BELOW_PX
    return element(
        "svg",
        element("title", shown.title),
        element("desc", shown.about),
        *_grid(frame),
        *events.drawn(marks, frame),
        *(part for layer in shown.layers for part in layer.drawn(frame)),
        *_ticks(frame),
        *_name(frame, shown.x_name),
        class_="plot",
        role="img",
        width="100%",
        height=height,
    )


def keys_of(shown: Plot) -> list[Key]:
    """The entries of its legend, each once."""
    own = [layer.key for layer in shown.layers if layer.key is not None]
    return list(dict.fromkeys([*own, *events.keys_of(shown.events)]))


def _grid(frame: Frame) -> Iterator[Markup]:
    for tick in frame.y.ticks:
        y = frame.down(tick.value)
        yield element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y)
        yield element("text", tick.text, x="0", y=y + 4, dx=-7, text_anchor="end")


def _ticks(frame: Frame) -> Iterator[Markup]:
    foot = frame.top + frame.height
    for tick in frame.x.ticks:
        across = frame.across(tick.value)
        yield element("line", class_="tick", x1=across, x2=across, y1=foot, y2=foot + 4)
        yield element("text", tick.text, x=across, y=foot + 16, text_anchor="middle")
        if tick.below:
            yield element("text", tick.below, x=across, y=foot + 29, text_anchor="middle")


def _name(frame: Frame, name: str) -> Iterator[Markup]:
    if name:
        yield element("text", name, x="100%", y=frame.top + frame.height + 31, text_anchor="end")
