"""The area of a plot: shares of its width, which follows the page, and pixels of its height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.drawing.axes import Axis
from core.drawing.markup import Markup, element

STRETCHED = 1000
"""Units across the width in an area that is stretched."""
POINTS = {
    "circle": "",
    "square": "M-4-4H4V4H-4Z",
    "diamond": "M0-5L5 0 0 5-5 0Z",
    "triangle": "M0-5L5 4H-5Z",
    "down": "M0 5L5-4H-5Z",
    "cross": "M-4-4L4 4M4-4L-4 4",
}
"""The forms of a point, as paths around it."""


@dataclass(frozen=True)
class Frame:
    """`top`: pixels above the area; `height`: of the area."""

    x: Axis
    y: Axis
    top: float
    height: float

    def across(self, value: float) -> str:
        """
        >>> Frame(Axis(0, 8), Axis(0, 1), 0, 100).across(1)
        '12.5%'
        """
        return in_percent(self.x.share(value))

    def down(self, value: float) -> float:
        return self.top + self.height * (1 - self.y.share(value))

    def corners(self, points: Sequence[tuple[float, float]]) -> str:
        """The points in the units of a stretched area."""
        return " ".join(f"{STRETCHED * self.x.share(x):.1f},{self.down(y):.1f}" for x, y in points)

    def stretched(self, *content: str) -> Markup:
        """Content as wide as the page makes the plot; its lines keep their strength."""
        full = self.top + self.height
        return element(
            "svg",
            *content,
            viewBox=f"0 0 {STRETCHED} {full:.0f}",
            preserveAspectRatio="none",
            width="100%",
            height=f"{full:.0f}",
        )


def in_percent(share: float) -> str:
    """
    >>> in_percent(0.5), in_percent(1 / 3)
    ('50%', '33.33%')
    """
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def point(
    across: str, down: float, *, style: str = "", form: str = "circle", title: str = "", radius: float = 4
) -> Markup:
    """A point; `title` is shown where the pointer rests on it."""
    told, class_ = [element("title", title)] if title else [], style or None
    if form == "circle":
        return element("circle", *told, class_=class_, cx=across, cy=down, r=radius)
    path = element("path", *told, class_=class_, d=POINTS[form])
    return element("svg", path, class_="mark", x=across, y=down)
