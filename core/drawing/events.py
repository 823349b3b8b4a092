"""Events on the axis of a plot: marks above it, and lines through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.drawing.frame import Frame, in_percent, point
from core.drawing.layers import Key
from core.drawing.markup import Markup, element

ROW_PX, MOST_ROWS = 16, 3
NARROWEST_PX = 290
"""Width of a plot on a telephone, where names of events side by side must not touch."""
RIGHT = 0.8
"""Beyond this share of the width texts are on the left of their marks."""
MOST_NAMES, LONGEST_TITLE = 2, 300
NEAR = 0.04
"""Events of one kind that are nearer than this share of the width are one mark."""


@dataclass(frozen=True)
class Kind:
    """`name`: in the legend; `form`, `style`: as of points; `is_counted`: the mark shows how many there were."""

    name: str
    style: str
    form: str
    is_counted: bool = False


@dataclass(frozen=True)
class Event:
    """`text`: beside its mark; `title`: where the pointer rests on it; `count`: what it stands for."""

    at: float
    kind: Kind
    text: str = ""
    title: str = ""
    count: int = 1

    @property
    def label(self) -> str:
        return f"{self.count:,}" if self.kind.is_counted else self.text


@dataclass(frozen=True)
class Placed:
    """`row`: from above; without room for its text a mark is in the last one."""

    event: Event
    share: float
    row: int
    has_text: bool = True


def placed(events: Sequence[Event], frame: Frame) -> list[Placed]:
    """Those within the axis; in each row no text touches another mark. Counts have what room the others leave."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(MOST_ROWS)]
    found = []
    for event in sorted(_merged(events, frame), key=lambda event: event.kind.is_counted):
        share = frame.x.share(event.at)
        start, end = _extent(event, share)
        row = next(
            (row for row, ends in enumerate(taken) if all(end <= left or right <= start for left, right in ends)), None
        )
        found.append(Placed(event, share, MOST_ROWS - 1, has_text=False) if row is None else Placed(event, share, row))
        taken[found[-1].row].append((start, end) if row is not None else (share, share))
    return found


def _extent(event: Event, share: float) -> tuple[float, float]:
    """The shares of the narrowest plot between which mark and text are."""
    mark, text = 7 / NARROWEST_PX, (12 + 6.5 * len(event.label)) / NARROWEST_PX
    return (share - text, share + mark) if share > RIGHT else (share - mark, share + text)


def rows_of(marks: Sequence[Placed]) -> int:
    return max((mark.row + 1 for mark in marks), default=0)


def drawn(marks: Sequence[Placed], frame: Frame) -> Iterator[Markup]:
    for mark in marks:
        across, y, kind = in_percent(mark.share), ROW_PX * mark.row + 8.0, mark.event.kind
        yield element("line", class_=f"event {kind.style}", x1=across, x2=across, y1=y + 6, y2=frame.top + frame.height)
        yield point(across, y, style=f"dot {kind.style}", form=kind.form, title=mark.event.title)
        if mark.has_text and mark.event.label:
            shift, anchor = (-8, "end") if mark.share > RIGHT else (8, "start")
            yield element("text", mark.event.label, x=across, y=y + 4, dx=shift, text_anchor=anchor)


def keys_of(events: Sequence[Event]) -> list[Key]:
    return [Key(kind.name, kind.style, kind.form) for kind in dict.fromkeys(event.kind for event in events)]


def _merged(events: Sequence[Event], frame: Frame) -> list[Event]:
    last: dict[Kind, int] = {}
    found: list[Event] = []
    for event in sorted(events, key=lambda event: event.at):
        if not frame.x.low <= event.at <= frame.x.high:
            continue
        place = last.get(event.kind)
        if place is not None and frame.x.share(event.at) - frame.x.share(found[place].at) < NEAR:
            found[place] = _together(found[place], event)
        else:
            last[event.kind] = len(found)
            found.append(event)
    return found


def _together(first: Event, later: Event) -> Event:
    """Named by both, or if that is too long by the later one."""
    names = list(dict.fromkeys(text for text in (*first.text.split(", "), later.text) if text))
    text = ", ".join(names) if len(names) <= MOST_NAMES else later.text
    title = f"{first.title}; {later.title}" if len(first.title) < LONGEST_TITLE else first.title
    return replace(first, text=text, title=title, count=first.count + later.count)
