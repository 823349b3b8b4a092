"""Shares of labels before and after, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.drawing.figure import Numbers, framed, legend
from core.drawing.frame import in_percent
from core.drawing.layers import Key
from core.drawing.markup import Markup, element
from core.share import percent

ROW_PX, BAR_PX = 40, 7


@dataclass(frozen=True)
class Side:
    """One of the two. `counts`: by label; `shares`, if given, instead of counts."""

    name: str
    counts: Mapping[str, float]

    def share(self, label: str) -> float:
        total = sum(self.counts.values())
        return self.counts.get(label, 0) / total if total else 0.0


def label_bars(title: str, before: Side, after: Side, *, most: int = 12) -> Markup:
    """The labels whose shares moved most, as bars; all of them as numbers."""
    labels = sorted(set(before.counts) | set(after.counts))
    moved = sorted(labels, key=lambda label: (-abs(after.share(label) - before.share(label)), label))
    shown = moved[:most]
    sides = [(before, "k6"), (after, "k1")]
    largest = max((side.share(label) for side, _ in sides for label in shown), default=0.0) or 1.0
    drawing = element(
        "svg",
        element("title", title),
        element("desc", _in_words(before, after, shown)),
        *(part for place, label in enumerate(shown) for part in _row(place, label, sides, largest)),
        class_="plot",
        role="img",
        width="100%",
        height=ROW_PX * len(shown),
    )
    keys = [Key(side.name, style, "bar") for side, style in sides]
    more = len(labels) - len(shown)
    note = [element("p", f"The {most} labels that moved most, of {len(labels)}.", class_="small soft")] if more else []
    rows = [
        [label, percent(before.share(label)), percent(after.share(label)), *_counts(label, before, after)]
        for label in moved
    ]
    numbers = Numbers(["Label", before.name, after.name, "Rows before", "Rows after"], rows)
    return framed([element("figcaption", title), *note, drawing, legend(keys)], numbers)


def _row(place: int, label: str, sides: Sequence[tuple[Side, str]], largest: float) -> Iterator[Markup]:
    y = ROW_PX * place
    before, after = (percent(side.share(label)) for side, _ in sides)
    yield element("text", label if len(label) <= 30 else f"{label[:29]}…", element("title", label), x="0", y=y + 13)
    yield element("text", f"{before} → {after}", x="100%", y=y + 13, text_anchor="end", class_="value")
    for number, (side, style) in enumerate(sides):
        top = y + 18 + number * (BAR_PX + 1)
        width = in_percent(side.share(label) / largest)
        yield element("rect", class_=f"bar {style}", x="0", y=top, width=width, height=BAR_PX)


def _counts(label: str, *sides: Side) -> list[str]:
    return [f"{side.counts.get(label, 0):,.0f}" for side in sides]


def _in_words(before: Side, after: Side, labels: Sequence[str]) -> str:
    moves = [f"{label} {percent(before.share(label))} to {percent(after.share(label))}" for label in labels[:3]]
    return f"Shares of labels, {before.name} to {after.name}: {', '.join(moves) or 'none'}."
