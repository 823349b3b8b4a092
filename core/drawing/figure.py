"""A figure of a page: plots one under the other, their legend, and their numbers as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.drawing.frame import POINTS, point
from core.drawing.layers import Key
from core.drawing.markup import Markup, element
from core.drawing.plot import Plot, keys_of, plot

Cell = str | int
MOST_ROWS = 100
"""Of a table: a page of several figures stays small."""


@dataclass(frozen=True)
class Numbers:
    """The numbers of a figure; `note`: what they are of."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


def figure(plots: Sequence[Plot], numbers: Numbers, *, note: str = "") -> Markup:
    """`note`: a sentence under the title of the first plot."""
    parts: list[str] = []
    for shown in plots:
        parts.append(element("figcaption", shown.title))
        parts.append(element("div", plot(shown), class_="plots"))
    return framed([*([element("p", note, class_="small soft")] if note else []), *parts, legend(_keys(plots))], numbers)


def framed(parts: Iterable[str], numbers: Numbers) -> Markup:
    return element("figure", *parts, table(numbers), class_="chart")


def legend(keys: Sequence[Key]) -> Markup:
    if not keys:
        return Markup("")
    return element("ul", *(element("li", _symbol(key), f" {key.name}") for key in keys), class_="legend")


def table(numbers: Numbers) -> Markup:
    """Behind a line that opens it."""
    head = element("tr", *(element("th", name, scope="col") for name in numbers.columns))
    rows = (element("tr", *(element("td", _shown(cell)) for cell in row)) for row in numbers.rows[:MOST_ROWS])
    content = element("table", element("thead", head), element("tbody", *rows))
    note = [element("p", text, class_="small soft") for text in _notes(numbers)]
    summary = element("summary", "Numbers")
    return element("details", summary, *note, element("div", content, class_="table"), class_="numbers")


def _notes(numbers: Numbers) -> list[str]:
    count = len(numbers.rows)
    shown = f"The first {MOST_ROWS} of {count:,} rows." if count > MOST_ROWS else ""
    return [text for text in (numbers.note, shown) if text]


def _keys(plots: Sequence[Plot]) -> list[Key]:
    return list(dict.fromkeys(key for shown in plots for key in keys_of(shown)))


def _shown(cell: Cell) -> str:
    return f"{cell:,}" if isinstance(cell, int) else cell


def _symbol(key: Key) -> Markup:
    box: dict[str, str | float] = {"class_": "key", "width": 22, "height": 12, "aria_hidden": "true"}
    if key.form in POINTS:
        return element("svg", point("11", 6, style=f"dot {key.style}", form=key.form), **box)
    if key.form == "line":
        return element("svg", element("line", class_=f"line {key.style}", x1=0, x2=22, y1=6, y2=6), **box)
    style = "area" if key.form == "band" else "bar"
    return element("svg", element("rect", class_=f"{style} {key.style}", x=3, y=1, width=16, height=10), **box)
