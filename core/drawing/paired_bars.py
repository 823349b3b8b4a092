"""Two values of each name as bars, one under the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.drawing.figure import Numbers, framed, legend
from core.drawing.frame import in_percent
from core.drawing.layers import Key
from core.drawing.markup import Markup, element
from core.share import percent

ROW_PX, BAR_PX, STYLES = 40, 7, ("k6", "k1")
LONGEST_NAME = 30


@dataclass(frozen=True)
class Pair:
    """`before` and `after`: at least 0; None where it is not known."""

    name: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class PairedBars:
    """`sides`: names of the two values; `full`: the value of a bar over the whole width, None for the largest."""

    title: str
    sides: tuple[str, str]
    pairs: Sequence[Pair]
    full: float | None = None
    form: Callable[[float], str] = percent


def paired_bars(shown: PairedBars, numbers: Numbers, *, note: str = "") -> Markup:
    values = [value for pair in shown.pairs for value in (pair.before, pair.after) if value is not None]
    full = shown.full or max(values, default=0.0) or 1.0
    drawing = element(
        "svg",
        element("title", shown.title),
        element("desc", _in_words(shown)),
        *(part for place, pair in enumerate(shown.pairs) for part in _row(place, pair, shown.form, full)),
        class_="plot",
        role="img",
        width="100%",
        height=ROW_PX * len(shown.pairs),
    )
    keys = [Key(side, style, "bar") for side, style in zip(shown.sides, STYLES, strict=True)]
    told = [element("p", note, class_="small soft")] if note else []
    return framed([element("figcaption", shown.title), *told, drawing, legend(keys)], numbers)


def _row(place: int, pair: Pair, form: Callable[[float], str], full: float) -> Iterator[Markup]:
    y = ROW_PX * place
    name = pair.name if len(pair.name) <= LONGEST_NAME else f"{pair.name[: LONGEST_NAME - 1]}…"
    yield element("text", element("title", pair.name), name, x="0", y=y + 13)
    yield element("text", _change(pair, form), class_="value", x="100%", y=y + 13, text_anchor="end")
    for number, (value, style) in enumerate(zip((pair.before, pair.after), STYLES, strict=True)):
        if value is not None:
            width = in_percent(min(1.0, value / full))
            top = y + 18 + number * (BAR_PX + 1)
            yield element("rect", class_=f"bar {style}", x="0", y=top, width=width, height=BAR_PX)


def _change(pair: Pair, form: Callable[[float], str]) -> str:
    return " → ".join("unknown" if value is None else form(value) for value in (pair.before, pair.after))


def _in_words(shown: PairedBars) -> str:
    before, after = shown.sides
    first = "; ".join(f"{pair.name}: {_change(pair, shown.form)}" for pair in shown.pairs[:3])
    return f"{before} → {after}. {first}."
